package webhooks

import (
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/fault"
)

// Calls are the names of the calls that bbb-webhooks answers.
var Calls = []string{"hooks/create", "hooks/list", "hooks/destroy", "hooks/ping"}

// The errors of bbb-webhooks. That of a checksum differs from BigBlueButton's.
var (
	errChecksum = &bbb.Error{Key: "checksumError", Message: "You did not pass the checksum security check."}
	errNoURL    = &bbb.Error{Key: "missingParamCallbackURL", Message: "You must specify a callbackURL in the parameters."}
	errCreate   = &bbb.Error{Key: "createHookError", Message: "An error happened while creating your hook. Check the logs."}
	errNoID     = &bbb.Error{Key: "missingParamHookID", Message: "You must specify a hookID in the parameters."}
	errNoHook   = &bbb.Error{Key: "destroyMissingHook", Message: "The hook informed was not found."}
)

// Answer answers a call. What is no GET is unknown to bbb-webhooks.
func (h *Hooks) Answer(call string, w http.ResponseWriter, r *http.Request) {
	switch {
	case h.Config().Absent, r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.NotFound(w, r)
		return
	case call == "hooks/ping":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("bbb-webhooks API up!")) // the caller hung up: nobody is left to tell
		return
	}
	query, checksum := bbb.SplitChecksum(r.URL.RawQuery)
	if bbb.Verify(call, query, checksum, []bbb.Secret{h.opts.Secret()}) < 0 {
		bbb.WriteError(w, errChecksum)
		return
	}
	params, err := bbb.ParseParams(query)
	if err != nil {
		fault.WritePage(w, http.StatusInternalServerError)
		return
	}
	switch call {
	case "hooks/create":
		h.answerCreate(w, params)
	case "hooks/list":
		h.answerList(w, params)
	default:
		h.answerDestroy(w, params)
	}
}

// answerCreate makes a hook of what it is given: whether the address is one shows when it is called.
func (h *Hooks) answerCreate(w http.ResponseWriter, p bbb.Params) {
	if !p.Has("callbackURL") {
		bbb.WriteError(w, errNoURL)
		return
	}
	want := Hook{URL: p.Get("callbackURL"), Meeting: p.Get("meetingID")}
	switch strings.ToLower(p.Get("getRaw")) {
	case "true":
		want.Raw = true
	case "", "false":
	default: // it is read as JSON, and bbb-webhooks breaks down over what is none
		fault.WritePage(w, http.StatusInternalServerError)
		return
	}
	if p.Has("eventID") {
		want.Events = strings.Split(strings.ToLower(p.Get("eventID")), ",")
	}
	made, duplicate, ok := h.create(want)
	x := bbb.Success().Text("hookID", made.ID)
	switch {
	case !ok:
		bbb.WriteError(w, errCreate)
		return
	case duplicate:
		x.Message("duplicateWarning", "There is already a hook for this callback URL.")
	default:
		x.Bool("permanentHook", made.Permanent).Bool("rawData", made.Raw)
	}
	bbb.WriteXML(w, http.StatusOK, x.Bytes())
}

func (h *Hooks) answerList(w http.ResponseWriter, p bbb.Params) {
	x := bbb.Success().Open("hooks")
	for _, one := range h.listed(p.Get("meetingID")) {
		x.Open("hook").Text("hookID", one.ID).Raw(section("callbackURL", one.URL))
		if one.Meeting != "" {
			x.Raw(section("meetingID", one.Meeting))
		}
		if one.Events != nil {
			x.Text("eventID", strings.Join(one.Events, ","))
		}
		x.Bool("permanentHook", one.Permanent).Bool("rawData", one.Raw).Close("hook")
	}
	bbb.WriteXML(w, http.StatusOK, x.Close("hooks").Bytes())
}

// section is an element with CDATA, which nothing in the text may end.
func section(name, text string) []byte {
	text = strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>")
	return []byte("<" + name + "><![CDATA[" + text + "]]></" + name + ">")
}

func (h *Hooks) answerDestroy(w http.ResponseWriter, p bbb.Params) {
	switch {
	case !p.Has("hookID"):
		bbb.WriteError(w, errNoID)
	case !h.destroy(p.Get("hookID")):
		bbb.WriteError(w, errNoHook)
	default:
		bbb.WriteXML(w, http.StatusOK, bbb.Success().Text("removed", "true").Bytes())
	}
}
