package mirror

import "context"

// What a store has lost is seen by whoever had seen it before. When its server was started again, or another one has taken its
// place, and those are gone who had, nobody sees it. So a leader that has made sure of it vouches for the server that runs, in
// the store itself; in one that nobody has vouched for, claims may be missing that only the servers know of.

// Doubtful tells a leader whether the store may lack what nobody here knows of, and which server it is then that is to be vouched
// for; "" where that cannot be told.
func (m *Mirror) Doubtful(ctx context.Context) (life string, is bool) {
	life, err := m.config.Marks.Incarnation(ctx)
	if err != nil || life == "" {
		return "", true
	}
	vouched, err := m.config.Marks.Vouched(ctx)
	return life, err != nil || vouched != life
}

// Vouch is for a leader that has made sure that nothing is missing in a server that was in doubt, and not in one that has taken
// its place meanwhile. Where it fails the next leader makes sure of it again.
func (m *Mirror) Vouch(ctx context.Context, life string) error {
	if life == "" {
		return nil
	}
	return m.config.Marks.Vouch(ctx, life)
}

// vouchFor vouches for a store that this leader has put right, where it had read the whole of it in its term before that was
// lost: then its copy lacks nothing.
func (m *Mirror) vouchFor(ctx context.Context, k mark) {
	if term, leads := m.leads(); leads && m.knows(term) && k.life != "" {
		_ = m.config.Marks.Vouch(ctx, k.life) // else the next leader asks the servers
	}
}
