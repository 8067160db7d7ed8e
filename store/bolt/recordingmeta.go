package bolt

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// metaLink goes on where the key has cut off a value, so that a search for how descriptions end reads no rows.
func metaLink(tenant, name, value, place, state string) link {
	l := link{recordingsByMeta, tenant + part(name) + part(value) + place, state}
	if len(value) > longest {
		l.value = rows.Sized(state) + value[longest:]
	}
	return l
}

// joined takes apart what metaLink has put together.
func joined(entry, cut []byte) (state, value []byte) {
	end := 4 + binary.BigEndian.Uint32(entry)
	return entry[4:end], slices.Concat(cut, entry[end:])
}

// fewRows is how many rows are read sooner than a range of the index: reading a row takes as long as passing a hundred
// entries.
const fewRows = 100

// pattern is a value of the metadata that is asked for.
type pattern struct{ store.Pattern }

func patternsOf(asked []store.MetaMatch) (patterns []pattern) {
	for _, m := range asked {
		patterns = append(patterns, pattern{m.Pattern()})
	}
	return patterns
}

// prefix is where the values begin that can match.
func (p pattern) prefix() string {
	switch {
	case p.Head:
		return ""
	case p.Tail:
		return escaped(p.Text)
	}
	return part(p.Text)
}

// shortestFirst puts the pattern first that has the fewest entries to pass. None is counted much further than that.
func (q *query) shortestFirst(patterns []pattern) {
	for most := 64; len(patterns) > 1; most *= 4 {
		for i, p := range patterns {
			if q.fewerThan(most, p) {
				patterns[0], patterns[i] = patterns[i], patterns[0]
				return
			}
		}
	}
}

// fewerThan tells whether a pattern has fewer entries to pass than that.
func (q *query) fewerThan(most int, p pattern) bool {
	for range q.scan(recordingsByMeta, q.tenant+part(p.Key), p.prefix()) {
		if most--; most == 0 {
			return false
		}
	}
	return true
}

// matching yields the places of the recordings that match. Only for a name that the index has not got all of, rows are
// read.
func (q *query) matching(p pattern) iter.Seq[[]byte] {
	prefix := q.tenant + part(p.Key)
	return func(yield func(place []byte) bool) {
		for rest, state := range q.scan(recordingsByMeta, prefix, p.prefix()) {
			value, whole, place := nextPart(rest)
			if !whole {
				state, value = joined(state, value)
			}
			if !q.wants(state) || !p.Matches(string(value)) || len(p.Key) > longest && !q.rowMatches(place, p) {
				continue
			}
			if !yield(place) {
				return
			}
		}
	}
}

// narrow keeps the places that match all the patterns.
func (q *query) narrow(places []string, patterns []pattern) []string {
	if len(places) <= fewRows {
		return slices.DeleteFunc(places, func(place string) bool { return !q.rowMatches([]byte(place), patterns...) })
	}
	for _, p := range patterns {
		matching := make(map[string]bool, len(places))
		for _, place := range places {
			matching[place] = false
		}
		for place := range q.matching(p) {
			if _, ok := matching[string(place)]; ok {
				matching[string(place)] = true
			}
		}
		places = slices.DeleteFunc(places, func(place string) bool { return !matching[place] })
	}
	return places
}

// rowMatches reads the metadata of one recording. It is false where it cannot be read, or need not be any more.
func (q *query) rowMatches(place []byte, patterns ...pattern) bool {
	if len(patterns) == 0 || !q.going() {
		return q.err == nil
	}
	meta, err := rows.MetaOf(bucket(q.tx, recordings).Get(idAt(place)))
	if err != nil {
		q.err = fmt.Errorf("read the row of %q: %w", idAt(place), err)
		return false
	}
	for _, p := range patterns {
		if value, ok := meta[p.Key]; !ok || !p.Matches(value) {
			return false
		}
	}
	return true
}
