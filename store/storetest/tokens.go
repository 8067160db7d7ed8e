package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func tokenCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Tokens/Once", Run: tokenOnce},
		{Name: "Tokens/NotForgotten", Run: tokenNotForgotten},
	}
}

// A token is spent once, and no other one with it.
func tokenOnce(t *testing.T, s store.State) {
	ctx, until := t.Context(), monday.Add(time.Minute)
	for _, id := range append(kit.Texts(), kit.NotText()...) {
		want(t, "spend "+id, s.SpendToken(ctx, id, monday, until), nil)
	}
	for _, id := range append(kit.Texts(), kit.NotText()...) {
		want(t, "spend again "+id, s.SpendToken(ctx, id, monday, until), store.ErrExists)
		want(t, "spend again until later "+id, s.SpendToken(ctx, id, monday, until.Add(time.Hour)), store.ErrExists)
	}
	if err := s.SpendToken(ctx, "", monday, until); err == nil {
		t.Error("an empty token was spent")
	}
	if err := s.SpendToken(ctx, strings.Repeat("m", 100), monday, until); err != nil {
		t.Errorf("a token of 100 bytes: %v", err)
	}
}

// Up to the moment when it expires a token stays spent, however many others are spent and expire meanwhile.
func tokenNotForgotten(t *testing.T, s store.State) {
	ctx, until := t.Context(), monday.Add(time.Hour)
	must(t, s.SpendToken(ctx, "first", monday, until))
	for i := range 40 {
		now := monday.Add(time.Duration(i) * time.Minute)
		must(t, s.SpendToken(ctx, fmt.Sprint("other", i), now, now.Add(time.Minute)))
		want(t, "spend one again", s.SpendToken(ctx, fmt.Sprint("other", i), now, now.Add(time.Minute)), store.ErrExists)
	}
	want(t, "spend the first again", s.SpendToken(ctx, "first", until, until), store.ErrExists)
}
