// Package hookcalls answers the calls of bbb-webhooks for a pool: hooks/create, hooks/list, hooks/destroy and hooks/ping, with
// the texts of version 3.
//
// Like recordingcalls it knows nothing of HTTP: a call comes in as a [Question] that was verified before, and what goes back is
// XML, which the gateway sends and logs. What hooks there are, and what follows from them, package hooks owns.
package hookcalls

import (
	"context"
	"errors"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Pong is the answer to hooks/ping, which needs no checksum and is plain text.
const Pong = "bbb-webhooks API up!"

// The errors of bbb-webhooks.
var (
	// ErrChecksum differs from BigBlueButton's in its text.
	ErrChecksum = &bbb.Error{Key: bbb.ErrChecksum.Key, Message: "You did not pass the checksum security check."}

	errNoURL   = &bbb.Error{Key: "missingParamCallbackURL", Message: "You must specify a callbackURL in the parameters."}
	errCreate  = &bbb.Error{Key: "createHookError", Message: "An error happened while creating your hook. Check the logs."}
	errNoID    = &bbb.Error{Key: "missingParamHookID", Message: "You must specify a hookID in the parameters."}
	errNoHook  = &bbb.Error{Key: "destroyMissingHook", Message: "The hook informed was not found."}
	errDestroy = &bbb.Error{Key: "destroyHookError", Message: "An error happened while removing your hook. Check the logs."}
)

// Hooks are the webhooks of the pool.
type Hooks interface {
	// Create registers a hook, or returns the one that the tenant has for the address already.
	Create(ctx context.Context, want store.Hook) (made store.Hook, duplicate bool, err error)
	// List returns the hooks of a tenant; of a meeting those that hear of it.
	List(ctx context.Context, tenant, meetingID string) ([]store.Hook, error)
	// Destroy removes a hook of a tenant, or returns store.ErrNotFound.
	Destroy(ctx context.Context, tenant, id string) error
}

// Calls answers the calls.
type Calls struct{ Hooks Hooks }

// Question is a call about webhooks, verified and read.
type Question struct {
	Tenant string // whose hooks are meant, and no others
	Signer string // the name of the secret that has signed it
	Params bbb.Params
	Again  bool // somebody may have got it before, and have done it without being able to say so
}

// Call answers one call in XML. What it returns is an error for the front end (*bbb.Error), joined with one of ours where
// something is wrong here.
type Call func(context.Context, Question) ([]byte, error)

// ByName returns the calls by their names, but for hooks/ping.
func (s Calls) ByName() map[string]Call {
	return map[string]Call{"hooks/create": s.create, "hooks/list": s.list, "hooks/destroy": s.destroy}
}

// create registers a hook. Whether its address is one shows when it is called, as with bbb-webhooks.
func (s Calls) create(ctx context.Context, q Question) ([]byte, error) {
	want := store.Hook{
		Tenant: q.Tenant, URL: q.Params.Get("callbackURL"), MeetingID: q.Params.Get("meetingID"), Signer: q.Signer,
		Raw: strings.EqualFold(q.Params.Get("getRaw"), "true"),
	}
	if want.URL == "" {
		return nil, errNoURL
	}
	if q.Params.Has("eventID") {
		want.Events = strings.Split(strings.ToLower(q.Params.Get("eventID")), ",")
	}
	made, duplicate, err := s.Hooks.Create(ctx, want)
	if err != nil {
		return nil, refused(errCreate, err)
	}
	x := bbb.Success().Text("hookID", made.ID)
	if duplicate {
		return x.Message("duplicateWarning", "There is already a hook for this callback URL.").Bytes(), nil
	}
	return x.Bool("permanentHook", false).Bool("rawData", made.Raw).Bytes(), nil
}

// refused is what a front end is told, with what is wrong for the log. What another instance has to decide is said as it is.
func refused(told *bbb.Error, err error) error {
	if errors.Is(err, store.ErrFenced) {
		return err
	}
	return errors.Join(told, err)
}

// list lists hooks: all of the tenant's, or those that hear of a meeting.
func (s Calls) list(ctx context.Context, q Question) ([]byte, error) {
	list, err := s.Hooks.List(ctx, q.Tenant, q.Params.Get("meetingID"))
	if err != nil {
		return nil, err
	}
	x := bbb.Success().Open("hooks")
	for _, one := range list {
		x.Open("hook").Text("hookID", one.ID).Raw(section("callbackURL", one.URL))
		if one.MeetingID != "" {
			x.Raw(section("meetingID", one.MeetingID))
		}
		if len(one.Events) > 0 {
			x.Text("eventID", strings.Join(one.Events, ","))
		}
		x.Bool("permanentHook", false).Bool("rawData", one.Raw).Close("hook")
	}
	return x.Close("hooks").Bytes(), nil
}

// section is an element with CDATA, which nothing in the text may end, and without characters that XML does not know.
func section(name, text string) []byte {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>")
	return []byte("<" + name + "><![CDATA[" + text + "]]></" + name + ">")
}

// destroy removes a hook.
func (s Calls) destroy(ctx context.Context, q Question) ([]byte, error) {
	id := q.Params.Get("hookID")
	if id == "" {
		return nil, errNoID
	}
	err := s.Hooks.Destroy(ctx, q.Tenant, id)
	switch {
	case errors.Is(err, store.ErrNotFound) && !q.Again:
		return nil, errNoHook
	case store.Ignore(err, store.ErrNotFound) != nil:
		return nil, refused(errDestroy, err)
	}
	return bbb.Success().Bool("removed", true).Bytes(), nil
}
