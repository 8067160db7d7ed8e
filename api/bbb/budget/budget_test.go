package budget_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/bbbpool/bbbpool/api/bbb/budget"
)

// What is read is all of it, or one byte more than the limit, however it arrives.
func TestBudget_Read(t *testing.T) {
	b := budget.New()
	sent := bytes.Repeat([]byte("answer"), 3<<20/6)
	for _, limit := range []int64{0, 1, 5 << 10, budget.Medium - 1, budget.Medium, 2 << 20, budget.Large} {
		want := min(int64(len(sent)), limit+1)
		for name, r := range map[string]io.Reader{"at once": bytes.NewReader(sent), "in halves": iotest.HalfReader(bytes.NewReader(sent))} {
			var p budget.Place
			got, err := b.Read(t.Context(), r, limit, &p)
			if p.Leave(); err != nil || !bytes.Equal(got, sent[:want]) {
				t.Errorf("%s, limit %d: %d bytes, want %d, %v", name, limit, len(got), want, err)
			}
		}
	}
	if _, err := b.Read(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF), 10, &budget.Place{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a body that breaks off: %v", err)
	}
}

// Of large answers there are so many at once, and who comes after that waits, as long as he has time; small ones are free.
func TestBudget_Crowded(t *testing.T) {
	b := budget.New()
	large := make([]byte, 2<<20)
	var places []*budget.Place
	gone, leave := context.WithCancel(t.Context())
	leave()
	for {
		p := &budget.Place{}
		ctx := t.Context()
		if len(places) >= 8 { // whether there is a ninth is not for this test to wait for
			ctx = gone
		}
		if _, err := b.Read(ctx, bytes.NewReader(large), budget.Large, p); err != nil {
			if !errors.Is(err, budget.ErrCrowded) {
				t.Fatal(err)
			}
			p.Leave()
			break
		}
		places = append(places, p)
	}
	if _, err := b.Read(gone, bytes.NewReader(large[:10<<10]), budget.Large, &budget.Place{}); err != nil {
		t.Errorf("a small one: %v", err)
	}
	for _, p := range places {
		p.Leave()
		p.Leave() // again, which gives nothing back twice
	}
	for range places {
		var p budget.Place
		if _, err := b.Read(t.Context(), bytes.NewReader(large), budget.Large, &p); err != nil {
			t.Error(err)
		}
		p.Leave()
	}
}
