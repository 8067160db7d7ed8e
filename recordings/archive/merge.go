package archive

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// Merge makes one recording of all trees with the same record ID, in the order of record IDs, with formats in the order
// of their types. Where the trees disagree, presentation is right, else the first of them that tells. A format that is
// there twice is taken once.
func Merge(trees []Tree) []store.Recording {
	sorted := slices.Clone(trees)
	slices.SortStableFunc(sorted, func(a, b Tree) int {
		return cmp.Or(strings.Compare(a.RecordID, b.RecordID), cmp.Compare(rank(a.Format), rank(b.Format)))
	})
	var list []store.Recording
	for _, t := range sorted {
		if len(list) == 0 || list[len(list)-1].RecordID != t.RecordID {
			list = append(list, store.Recording{RecordID: t.RecordID, State: t.Recording.State})
		}
		merge(&list[len(list)-1], t.Recording)
	}
	for i := range list {
		slices.SortStableFunc(list[i].Formats, compareFormats)
		list[i].Formats = slices.CompactFunc(list[i].Formats, func(a, b store.Format) bool { return a.Type == b.Type })
	}
	return list
}

func rank(format string) int {
	if format == "presentation" {
		return 0
	}
	return 1
}

func compareFormats(a, b store.Format) int { return strings.Compare(a.Type, b.Type) }

// merge takes from a tree's recording what is not known yet.
func merge(r *store.Recording, from store.Recording) {
	if r.MeetingID == "" || r.MeetingID == r.RecordID { // which stands in for one that is not told
		r.MeetingID = cmp.Or(from.MeetingID, r.MeetingID)
	}
	r.Name = cmp.Or(r.Name, from.Name)
	r.Participants = cmp.Or(r.Participants, from.Participants)
	r.RawSize = cmp.Or(r.RawSize, from.RawSize)
	r.Breakout = cmp.Or(r.Breakout, from.Breakout)
	if r.Start.IsZero() {
		r.Start = from.Start
	}
	if r.End.IsZero() {
		r.End = from.End
	}
	if len(r.BreakoutRooms) == 0 {
		r.BreakoutRooms = slices.Clone(from.BreakoutRooms)
	}
	mergeMeta(r, from.Meta)
	r.Formats = append(r.Formats, from.Formats...)
}

func mergeMeta(r *store.Recording, from map[string]string) {
	if r.Meta == nil {
		r.Meta = maps.Clone(from)
		return
	}
	for key, value := range from {
		if _, ok := r.Meta[key]; !ok {
			r.Meta[key] = value
		}
	}
}
