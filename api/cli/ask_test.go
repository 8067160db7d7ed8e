package cli_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/servers"
	"github.com/bbbpool/bbbpool/store"
)

// interrupting ends the command as soon as its prompt is out.
type interrupting struct {
	bytes.Buffer
	cancel func()
}

func (i *interrupting) Write(p []byte) (int, error) {
	if bytes.HasSuffix(p, []byte("[y/N] ")) || bytes.HasSuffix(p, []byte("secret: ")) {
		defer i.cancel()
	}
	return i.Buffer.Write(p)
}

// A command that is told to end while it waits for somebody to type ends, although nobody types.
func TestCommands_Interrupted(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	p.serve(t)
	for name, command := range map[string]interface{ Run(*cli.Env) error }{
		"question": &servers.RemoveCmd{ID: "c"},
		"secret":   &servers.SetCmd{ID: "c", Secret: "-"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		in, keep := io.Pipe()
		err := command.Run(&cli.Env{
			Ctx: ctx, In: in, Out: io.Discard, Err: &interrupting{cancel: cancel}, Terminal: true,
			Options: cli.Options{Data: p.dir},
		})
		if err == nil || err.Error() != "interrupted: nothing was done" {
			t.Errorf("%s: ended with %v", name, err)
		}
		_ = keep.Close()
		cancel()
	}
	if _, err := p.stores.State.Server(t.Context(), "c"); err != nil {
		t.Errorf("the server is gone: %v", err)
	}
}

// At a terminal it says what it waits for, beside the standard output.
func TestServerAddCmd_SecretPrompt(t *testing.T) {
	p := newPool(t)
	o := p.run(t, "s3cret\n", "server", "add", fakeBBB(t), "--secret", "-", "--id", "a", "--enable")
	if o.failed != nil || o.out != "a\n" || !strings.HasPrefix(o.err, "secret: \n") {
		t.Errorf("added %+v", o)
	}
	if s, err := p.stores.State.Server(t.Context(), "a"); err != nil || s.Secret != store.Secret("s3cret") {
		t.Errorf("stored %v, %v", s, err)
	}
}
