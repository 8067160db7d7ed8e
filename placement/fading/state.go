package fading

// State is a sum as it stands, to go on with elsewhere: rounding depends on the way by which it was reached.
type State struct {
	People     float64   // the sum of those that have not faded
	PeopleBorn float64   // and of each of them times its birth
	Born       []float64 // the births, oldest first
	Sizes      []float64 // and how many people were expected with each
}

// State returns the sum as it stands.
func (f *Sum) State() State {
	s := State{People: f.p, PeopleBorn: f.pb, Born: make([]float64, len(f.young)), Sizes: make([]float64, len(f.young))}
	for i, one := range f.young {
		s.Born[i], s.Sizes[i] = one.born, one.p
	}
	return s
}

// Restore returns the sum that is in that state, of expectations that each fade over so many seconds.
func Restore(span float64, s State) Sum {
	f := New(span)
	n := min(len(s.Born), len(s.Sizes))
	if n == 0 {
		return f
	}
	f.p, f.pb, f.young = s.People, s.PeopleBorn, make([]birth, n)
	for i := range n {
		f.young[i] = birth{s.Born[i], s.Sizes[i]}
	}
	f.first = f.young[0].born + span
	return f
}
