package playback

// Init makes a playback ready with the secret of its configuration, and no other.
func (p *Playback) Init() error { return p.prepare() }
