package quota

// HourState is when meetings were begun, to be told elsewhere: so many in each of these seconds.
type HourState struct {
	Seconds []int64 // since 1970, in order
	Counts  []int
}

// State returns what is known of the hour.
func (h *Hour) State() (s HourState) {
	for _, one := range h.seconds {
		s.Seconds, s.Counts = append(s.Seconds, one.at), append(s.Counts, one.n)
	}
	return s
}

// RestoreHour returns the hour of which that is known.
func RestoreHour(s HourState) (h Hour) {
	for i := range min(len(s.Seconds), len(s.Counts)) {
		h.seconds = append(h.seconds, second{s.Seconds[i], s.Counts[i]})
		h.sum += s.Counts[i]
	}
	return h
}
