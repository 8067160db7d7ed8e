package bridges_test

import (
	"slices"
	"testing"

	"github.com/bbbpool/bbbpool/placement/bridges"
)

// The first candidate is Scalelite's own.
func TestNumbers(t *testing.T) {
	for id, want := range map[string]string{"test-meeting-1": "394201124", "abc": "715622307", "": "698487562"} {
		list := slices.Collect(bridges.Numbers(id, 9))
		if len(list) != bridges.Tries || list[0] != want {
			t.Errorf("%q: %v, want %s first", id, list, want)
		}
	}
}

// Numbers have the length that is wanted, begin with no zero, and are the same each time.
func TestNumbers_Form(t *testing.T) {
	for length := bridges.Shortest; length <= bridges.Longest; length++ {
		for _, id := range []string{"a", "räume \xff", "room-1"} {
			list := slices.Collect(bridges.Numbers(id, length))
			for _, number := range list {
				if len(number) != length || number[0] < '1' || number[0] > '9' || number == "99999" {
					t.Errorf("%q: %q", id, number)
				}
			}
			if again := slices.Collect(bridges.Numbers(id, length)); !slices.Equal(again, list) {
				t.Errorf("%q: %v, then %v", id, list, again)
			}
			for first := range bridges.Numbers(id, length) {
				if first != list[0] {
					t.Errorf("%q: %v", id, first)
				}
				break
			}
		}
	}
}
