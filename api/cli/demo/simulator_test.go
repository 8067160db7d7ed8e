package demo_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/demo"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// The simulator alone prints where it is, on one line, and answers any client that knows its secret.
func TestSimulator(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		env := &cli.Env{Ctx: ctx, Out: in, Err: io.Discard, Options: cli.Options{JSON: true}}
		done <- demo.SimulatorCmd{Config: simulator.Config{Servers: 2, Secret: "s3cret"}}.Run(env)
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var list []struct{ ID, URL, Secret, Control string }
	if err := json.Unmarshal(line, &list); err != nil || len(list) != 2 || list[0].Secret != "s3cret" || list[1].Control == "" {
		t.Fatalf("%v in %s", err, line)
	}
	client := bbb.NewClient(bbb.Endpoint{URL: list[0].URL, Secret: "s3cret"}, http.DefaultTransport, 10*time.Second)
	if a, err := client.Answer(t.Context(), "create", "name=Room&meetingID=room"); err != nil || a.Err != nil {
		t.Errorf("create: %v %v", err, a.Err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the simulator ended with %v", err)
	}
}
