// Package names finds things by a name that only one of them may have: meetings by the ID that servers know them by, and by
// their voice bridge. What is named, and what follows from a name that is taken, its caller knows. It refuses nobody.
package names

import "iter"

// Index finds things by their names. A thing without a name is in no index. Where several have one name, which nobody wants
// but a store may have it so, one of them is found by it: the first that came, then the first in order.
type Index[T comparable] struct {
	of     func(T) string
	all    iter.Seq[T]
	before func(a, b T) bool
	by     map[string]T
	shared int // how many are not found by their name, because another one is
}

// New returns an index of nothing. Of tells the name of a thing; all are those that are entered, in any order, which is asked
// only where some share their name; before is the order among these.
func New[T comparable](of func(T) string, all iter.Seq[T], before func(a, b T) bool) *Index[T] {
	return &Index[T]{of: of, all: all, before: before, by: map[string]T{}}
}

// Holder returns what is found by a name, and whether there is anything.
func (x *Index[T]) Holder(name string) (T, bool) {
	holder, found := x.by[name]
	return holder, found
}

// Enter enters a thing that is not in the index.
func (x *Index[T]) Enter(t T) {
	name := x.of(t)
	if name == "" {
		return
	}
	if _, taken := x.by[name]; taken {
		x.shared++
		return
	}
	x.by[name] = t
}

// Take enters a thing as the one that is found by its name, whoever else has it.
func (x *Index[T]) Take(t T) {
	name := x.of(t)
	if name == "" {
		return
	}
	if _, taken := x.by[name]; taken {
		x.shared++
	}
	x.by[name] = t
}

// Leave takes a thing out of the index, by the name that it was entered with.
func (x *Index[T]) Leave(t T) {
	name := x.of(t)
	if name == "" {
		return
	}
	if x.by[name] != t {
		x.shared--
		return
	}
	delete(x.by, name)
	if x.shared > 0 {
		x.inherit(name, t)
	}
}

// inherit gives a name that has become free to another thing that is called so, too.
func (x *Index[T]) inherit(name string, left T) {
	heir, found := left, false
	for other := range x.all {
		if other != left && x.of(other) == name && (!found || x.before(other, heir)) {
			heir, found = other, true
		}
	}
	if found {
		x.by[name] = heir
		x.shared--
	}
}

// Check returns how many things are found by their names, and how many are not because another one is.
func (x *Index[T]) Check() (found, shared int) { return len(x.by), x.shared }
