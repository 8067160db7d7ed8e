package bolt

import (
	"bytes"
	"container/heap"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store/rows"
)

// link is an entry of an index, which leads to a row.
type link struct{ bucket, key, value string }

// move takes the links of a row from where they were to where they are now. Those that stay are not touched: a
// recording has a dozen, and each of them is a page to write.
func (t *txn) move(before, after []link) error {
	was, is := setOf(before), setOf(after)
	for _, l := range before {
		if !is[l] {
			if err := t.delete(l.bucket, []byte(l.key)); err != nil {
				return err
			}
		}
	}
	for _, l := range after {
		if !was[l] {
			if err := t.put(l.bucket, []byte(l.key), []byte(l.value)); err != nil {
				return err
			}
		}
	}
	return nil
}

func setOf(links []link) map[link]bool {
	set := make(map[link]bool, len(links))
	for _, l := range links {
		set[l] = true
	}
	return set
}

// statePrefixes are where the keys of some states begin, each once.
func statePrefixes[S ~string](tenant string, states []S) (prefixes []string) {
	for _, state := range states {
		prefixes = append(prefixes, tenant+rows.Sized(string(state)))
	}
	slices.Sort(prefixes)
	return slices.Compact(prefixes)
}

// branch is one of the ranges of an index that are being merged.
type branch struct {
	cursor *bbolt.Cursor
	prefix []byte
	rest   []byte // of the key that it stands at; nil at its end
}

func (b *branch) at(key []byte) {
	b.rest = nil
	if rest, ok := bytes.CutPrefix(key, b.prefix); ok && key != nil {
		b.rest = rest
	}
}

// branches are a heap: the pool may have a thousand tenants.
type branches []*branch

func (b branches) Len() int           { return len(b) }
func (b branches) Less(i, j int) bool { return bytes.Compare(b[i].rest, b[j].rest) < 0 }
func (b branches) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *branches) Push(any)          {} // they only become fewer
func (b *branches) Pop() any {
	*b = (*b)[:len(*b)-1]
	return nil
}

// merge yields in one order what the keys under several prefixes end in, from the first one behind after on.
func merge(index *bbolt.Bucket, prefixes []string, after string) iter.Seq[[]byte] {
	return func(yield func(rest []byte) bool) {
		var open branches
		for _, prefix := range prefixes {
			b := &branch{cursor: index.Cursor(), prefix: []byte(prefix)}
			key, _ := b.cursor.Seek([]byte(prefix + after))
			if after != "" && string(key) == prefix+after {
				key, _ = b.cursor.Next()
			}
			if b.at(key); b.rest != nil {
				open = append(open, b)
			}
		}
		for heap.Init(&open); len(open) > 0; {
			first := open[0]
			if !yield(first.rest) {
				return
			}
			key, _ := first.cursor.Next()
			if first.at(key); first.rest == nil {
				heap.Pop(&open)
			} else {
				heap.Fix(&open, 0)
			}
		}
	}
}
