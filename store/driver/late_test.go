package driver_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// A Redis that was away when the stores were opened is looked at before anything is written to it: one of a newer version, and
// one that was moved from, end the process with what to do.
func TestOpen_Late(t *testing.T) {
	server := daemon.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	t.Cleanup(server.Remove)
	config := driver.Config{
		Data: t.TempDir(), Settings: driver.Settings{RedisURL: store.Secret(server.URL()), RedisNamespace: "late"}, MayBeAway: true,
	}
	moved := func(ctx context.Context, s *driver.Stores, _ *goredis.Client) error {
		return s.State.AddWaiting(ctx, store.Wait{ID: "!bbbpool-home", Call: "none", Data: []byte(`{"what":"moved","by":"elsewhere"}`)})
	}
	newer := func(ctx context.Context, _ *driver.Stores, client *goredis.Client) error {
		return client.Set(ctx, "late:bbbpool:schema", 99, 0).Err()
	}
	for want, spoil := range map[string]func(context.Context, *driver.Stores, *goredis.Client) error{
		"bbbpool migrate": moved, "upgrade bbbpool": newer,
	} {
		config.RedisURL = store.Secret(server.URL())
		before, err := driver.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		options, err := goredis.ParseURL(config.RedisURL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		client := goredis.NewClient(options)
		if err := errors.Join(spoil(t.Context(), before, client), before.Close()); err != nil {
			t.Fatal(err)
		}
		server.Kill()
		s, err := driver.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		server.Start(t)
		if err := s.State.AddWaiting(t.Context(), store.Wait{ID: "x", Call: "x"}); !errors.Is(err, store.ErrAway) {
			t.Errorf("%s: written: %v", want, err)
		}
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if err := errors.Join(s.Close(), client.Close()); err != nil {
			t.Error(err)
		}
	}
}
