package chaos_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// What is done with a meeting, as its history has it.
const (
	opCreate = iota // makes it, or finds it
	opLook
	opEnd
)

// input is what somebody has asked for, output what came of it.
type input struct {
	op      int
	meeting string
}

type output struct {
	unknown  bool   // nobody knows whether it was done
	internal string // the server's ID; "" where there is no such meeting
}

// history is what all clients have done, and when.
type history struct {
	mu   sync.Mutex
	ops  []porcupine.Operation
	dark [][2]int64 // when some servers did not answer the leader
	now  func() int64
}

func newHistory() *history {
	began := time.Now()
	return &history{now: func() int64 { return int64(time.Since(began)) }}
}

func (h *history) add(client int, in input, called int64, out output) {
	returned := h.now()
	if out.unknown {
		if in.op == opLook {
			return // which changes nothing
		}
		returned = math.MaxInt64 // it may be done at any time from then on
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: called, Output: out, Return: returned})
}

// darken notes that since a time some servers have not answered whoever leads, until now.
func (h *history) darken(since int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dark = append(h.dark, [2]int64{since, h.now() + int64(recovery)})
}

// recovery is how long a server that answers again may be taken for gone.
const recovery = 2 * time.Second

// lost tells whether somebody has looked for a meeting while its server did not answer, and was told that there is none: it counts
// as unknown then, for it can be made anew elsewhere, and is known again when its server answers before anybody does.
func (h *history) lost(op porcupine.Operation) bool {
	in, out := lifted(op.Input, op.Output)
	return in.op == opLook && out.internal == "" && slices.ContainsFunc(h.dark, func(span [2]int64) bool {
		return op.Call <= span[1] && op.Return >= span[0]
	})
}

// lifted takes what somebody wrote, where the model has it as any.
func lifted(in, out any) (input, output) {
	i, _ := in.(input)
	o, _ := out.(output)
	return i, o
}

// model is a meeting: nowhere, or a copy of it on some server. A create finds the copy or makes another one, for what was on a
// server that died is made anew; a look finds the copy, an end takes it away.
var model = porcupine.NondeterministicModel{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		byMeeting := map[string][]porcupine.Operation{}
		for _, op := range all {
			in, _ := lifted(op.Input, nil)
			byMeeting[in.meeting] = append(byMeeting[in.meeting], op)
		}
		for _, part := range byMeeting {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{""} },
	Step: func(state, in, out any) []any {
		i, o := lifted(in, out)
		has, _ := state.(string)
		switch {
		case o.unknown && i.op == opCreate:
			return []any{has, "?"} // a copy of which nobody knows
		case o.unknown:
			return []any{has, ""}
		case i.op == opCreate:
			return []any{o.internal}
		case i.op == opEnd:
			return []any{""}
		case o.internal == has || has == "?" && o.internal != "":
			return []any{o.internal}
		}
		return nil
	},
	DescribeOperation: func(in, out any) string {
		i, o := lifted(in, out)
		return fmt.Sprintf("%s %s -> %v", [...]string{"create", "look", "end"}[i.op], i.meeting, o)
	},
}

// check tells whether each meeting has behaved like one.
func (h *history) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	m := model.ToModel()
	for _, part := range m.Partition(slices.DeleteFunc(slices.Clone(h.ops), h.lost)) {
		if result := porcupine.CheckOperationsTimeout(m, part, 20*time.Second); result != porcupine.Ok {
			slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
			t.Errorf("%v: this meeting behaves like none:", result)
			for _, op := range part {
				t.Logf("  %8.3f–%8.3f  client %d  %s", sec(op.Call), sec(op.Return), op.ClientId, m.DescribeOperation(op.Input, op.Output))
			}
		}
	}
	t.Logf("%d operations are linearizable per meeting", len(h.ops))
}

func sec(ns int64) float64 { return time.Duration(ns).Seconds() }

// meetings are all that something was asked of.
func (h *history) meetings() (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range h.ops {
		in, _ := lifted(op.Input, nil)
		ids = append(ids, in.meeting)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
