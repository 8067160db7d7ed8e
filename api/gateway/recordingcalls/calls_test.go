package recordingcalls_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
	"github.com/bbbpool/bbbpool/store"
)

// A change is of the tenant's recordings alone, says which ones also where it fails, and keeps our own metadata away.
func TestChanges(t *testing.T) {
	gone := errors.New("the index is gone")
	for _, c := range []struct {
		call, query string
		on          *shelf
		none        bool
		done        string
		changed     []string
		err         error
	}{
		{"publishRecordings", "recordID=a,b&publish=TRUE", newShelf(1), false, "publish school [a b] true", []string{"a", "b"}, nil},
		{"publishRecordings", "recordID=a", newShelf(1), false, "", []string{"a"}, bbb.ErrMissingPublish},
		{"publishRecordings", "publish=true", newShelf(1), false, "", nil, bbb.ErrMissingRecordID},
		{"deleteRecordings", "recordID=a", newShelf(1), false, "delete school [a]", []string{"a"}, nil},
		{"deleteRecordings", "recordID=a", newShelf(0), false, "delete school [a]", []string{"a"}, bbb.ErrRecordingNotFound},
		{"deleteRecordings", "recordID=a", newShelf(1), true, "", []string{"a"}, bbb.ErrRecordingNotFound},
		{"deleteRecordings", "recordID=a", &shelf{err: gone}, false, "delete school [a]", []string{"a"}, gone},
		{
			"updateRecordings", "recordID=a&meta_Topic=x&meta_bbbpool-tenant=other&meta_bbbpool-keep=true&protect=true",
			newShelf(1), false, "update school [a] map[bbbpool-keep:true topic:x] true",
			[]string{"a"},
			nil,
		},
	} {
		a, err := ask(t, open(recordingcalls.Calls{Recordings: c.on, None: c.none}), c.call, c.query)
		if !errors.Is(err, c.err) || !slices.Equal(a.Changed, c.changed) || strings.Join(c.on.calls, ";") != c.done ||
			(err == nil) != strings.Contains(string(a.XML), "SUCCESS") {
			t.Errorf("%s %s: %+v %v, called %q", c.call, c.query, a, err, c.on.calls)
		}
	}
}

// An update sets what can be shown and is not ours to set. Who sets too much is told so, and so is who sets more than a
// recording may have.
func TestUpdateRecordings(t *testing.T) {
	tooMuch := "meta_a=" + strings.Repeat("x", 64<<10)
	for _, c := range []struct {
		query, want string // what was asked of the recordings; "" for nothing
		fails       error
		key         string
	}{
		{"recordID=a&meta_topic=", "update school [a] map[topic:] false", nil, ""},
		{"recordID=a&Meta_topic=x&meta_=y&meta_a%20b=z&meta_1st=1", "update school [a] map[] false", nil, ""},
		{"recordID=a&meta_tenant-id=x&meta_tenant-name=y&meta_BBBPOOL-tenant=z", "update school [a] map[] false", nil, ""},
		{"recordID=%20a%20,,b", "update school [a  b] map[] false", nil, ""},
		{"recordID=a&protect=FALSE", "update school [a] map[] true", nil, ""},
		{"recordID=a&protect=maybe", "update school [a] map[] false", nil, ""},
		{"recordID=a&" + tooMuch, "", nil, "sizeError"},
		{"recordID=a&" + tooMuch[:len(tooMuch)-1], "update school [a] map[a:" + tooMuch[7:len(tooMuch)-1] + "] false", nil, ""},
		{"recordID=a&meta_a=b", "update school [a] map[a:b] false", store.ErrTooLarge, "sizeError"},
		{"meta_a=b", "", nil, bbb.ErrMissingRecordID.Key},
		{"recordID=&meta_a=b", "", nil, bbb.ErrMissingRecordID.Key},
	} {
		on := newShelf(1)
		on.err = c.fails
		a, err := ask(t, open(recordingcalls.Calls{Recordings: on}), "updateRecordings", c.query)
		if key := keyOf(err); key != c.key || strings.Join(on.calls, ";") != c.want {
			t.Errorf("%.80s: %q, called %.80q, %v", c.query, key, on.calls, a.Changed)
		}
		if err == nil && !strings.Contains(string(a.XML), "<updated>true</updated>") {
			t.Errorf("%.80s: %s", c.query, a.XML)
		}
	}
}

// keyOf is the messageKey of an error, or "".
func keyOf(err error) string {
	if told, ok := errors.AsType[*bbb.Error](err); ok {
		return told.Key
	}
	return ""
}

// Protection is set as the parameter says, and left alone where it says neither.
func TestUpdateRecordings_Protect(t *testing.T) {
	for value, want := range map[string]*bool{"true": new(true), "True": new(true), "false": new(false), "": nil, "1": nil} {
		on := &protected{shelf: newShelf(1)}
		_, err := ask(t, open(recordingcalls.Calls{Recordings: on}), "updateRecordings", "recordID=a&protect="+value)
		if err != nil || (on.protect == nil) != (want == nil) || want != nil && *on.protect != *want {
			t.Errorf("protect=%s: %v %v", value, on.protect, err)
		}
	}
}

// protected is a shelf that keeps what was said about protection.
type protected struct {
	*shelf

	protect *bool
}

func (p *protected) Update(
	ctx context.Context, tenant string, ids []string, meta map[string]string, protect *bool,
) (int, error) {
	p.protect = protect
	return p.shelf.Update(ctx, tenant, ids, meta, protect)
}

// A pool that shows no recordings has none to change. What is missing in the call is said first.
func TestChanges_None(t *testing.T) {
	for _, c := range []struct {
		call, query string
		want        *bbb.Error
	}{
		{"publishRecordings", "publish=true", bbb.ErrMissingRecordID},
		{"publishRecordings", "recordID=a", bbb.ErrMissingPublish},
		{"publishRecordings", "recordID=a&publish=true", bbb.ErrRecordingNotFound},
		{"updateRecordings", "meta_a=b", bbb.ErrMissingRecordID},
		{"updateRecordings", "recordID=a&meta_a=b", bbb.ErrRecordingNotFound},
		{"deleteRecordings", "", bbb.ErrMissingRecordID},
		{"deleteRecordings", "recordID=a", bbb.ErrRecordingNotFound},
	} {
		on := newShelf(1)
		_, err := ask(t, open(recordingcalls.Calls{Recordings: on, None: true}), c.call, c.query)
		if !errors.Is(err, c.want) || on.calls != nil {
			t.Errorf("%s %s: %v, called %q", c.call, c.query, err, on.calls)
		}
	}
}

// What a publish says is repeated as it came; anything but "true" takes the recordings back.
func TestPublishRecordings_Value(t *testing.T) {
	for value, publish := range map[string]string{"true": "true", "TRUE": "true", "false": "false", "yes": "false"} {
		on := newShelf(1)
		a, err := ask(t, open(recordingcalls.Calls{Recordings: on}), "publishRecordings", "recordID=a&publish="+value)
		if err != nil || !slices.Equal(on.calls, []string{"publish school [a] " + publish}) ||
			!strings.Contains(string(a.XML), "<published>"+value+"</published>") {
			t.Errorf("%s: %s %v, called %q", value, a.XML, err, on.calls)
		}
	}
}

// emptied is a shelf whose recordings are deleted.
type emptied struct{ *shelf }

func (emptied) Delete(context.Context, string, []string) (int, error) { return 0, nil }

// A deletion that comes a second time, for the leader that has done it could not say so any more, is answered as done. What was
// never there is not found, and what a front end repeats itself neither.
func TestDelete_Again(t *testing.T) {
	for _, c := range []struct {
		id    string
		again bool
		want  error
	}{{"r0", true, nil}, {"r", true, bbb.ErrRecordingNotFound}, {"r0", false, bbb.ErrRecordingNotFound}} {
		s := &recordingcalls.Calls{Recordings: emptied{newShelf(1)}}
		s.Open()
		got, err := s.ByName()["deleteRecordings"](t.Context(), recordingcalls.Question{
			Tenant: "school", Again: c.again, Request: &bbb.Request{Params: bbb.Params{{Name: "recordID", Value: c.id}}},
		})
		if !errors.Is(err, c.want) || err == nil && !strings.Contains(string(got.XML), "<deleted>true</deleted>") {
			t.Errorf("%+v: %s, %v", c, got.XML, err)
		}
	}
}
