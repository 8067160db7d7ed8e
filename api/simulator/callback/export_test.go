package callback

// Waiting is how many callbacks wait in an outbox.
func Waiting(o *Outbox) int { return len(o.waiting.callbacks) }
