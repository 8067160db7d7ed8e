package placement_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/placement"
)

// meta_server-tag chooses among the same servers as in Scalelite. Servers are written as "name:tag", with "?" behind
// one that is doubtful.
func TestTags(t *testing.T) {
	const mixed = "plain: a1:a b1:b"
	for _, c := range []struct {
		servers, wish, want string
		err                 error
	}{
		{mixed, "", "plain", nil},
		{mixed, "!", "plain", nil},
		{mixed, "none", "plain", nil},
		{mixed, "none!", "plain", nil},
		{mixed, "a", "a1", nil},
		{mixed, "a!", "a1", nil},
		{mixed, "a;b", "a1 b1", nil},
		{mixed, "a;b!", "a1 b1", nil},
		{mixed, "a;none", "a1 plain", nil},
		{mixed, "x;a!", "a1", nil},
		{mixed, "x", "plain", nil},
		{mixed, "x!", "", placement.ErrNoTag},
		{mixed, "a,b", "plain", nil},
		{mixed, "A", "plain", nil},
		{mixed, ";", "plain", nil},
		{mixed, ";!", "", placement.ErrNoTag},
		{mixed, ";a;", "a1", nil},
		{mixed, "a!;b", "b1", nil},
		{"a1:a b1:b", "", "", placement.ErrNoServer},
		{"a1:a b1:b", "!", "", placement.ErrNoServer},
		{"a1:a b1:b", "none!", "", placement.ErrNoTag},
		{"a1:a b1:b", "x", "", placement.ErrNoServer},
		{"n1:none plain:", "", "plain", nil},
		{"n1:none plain:", "none", "n1 plain", nil},
		{"", "a!", "", placement.ErrNoServer},
		{"", "", "", placement.ErrNoServer},
		{"a1:a? plain:", "a", "plain", nil},
		{"a1:a? plain:", "a!", "a1", nil},
		{"a1:a? plain:?", "a", "a1", nil},
		{"plain:?", "a", "plain", nil},
	} {
		p := newPool(t)
		want := strings.Fields(c.want)
		for server := range strings.FieldsSeq(c.servers) {
			server, doubtful := strings.CutSuffix(server, "?")
			id, tag, _ := strings.Cut(server, ":")
			s := placement.Server{ID: id, Tag: tag, Weight: 1, Standing: placement.Open}
			if doubtful {
				s.Standing = placement.Doubtful
			}
			if slices.Contains(want, id) {
				s.Weight = 0.1 // the tag has to outweigh the load
			}
			p.SetServer(s)
		}
		what := "wish " + c.wish + " among " + c.servers
		if c.err != nil {
			_, err := p.begin("m").Place(t.Context(), placement.Wish{Tag: c.wish}, nil)
			wantErr(t, what, err, c.err)
		}
		for i, id := range want {
			creation := p.begin(id)
			avoid := slices.Delete(slices.Clone(want), i, i+1)
			place, err := creation.Place(t.Context(), placement.Wish{Tag: c.wish}, avoid)
			wantErr(t, what, err, nil)
			equal(t, what, place.Claim.Server, id)
		}
	}
}
