package admin_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/trial"
	traces "github.com/bbbpool/bbbpool/placement/simulate"
	"github.com/bbbpool/bbbpool/recordings"
)

type description struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func described(t *testing.T) (d description) {
	t.Helper()
	_, body := newTestPool(t).request(t, "GET", "/openapi.json", "")
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Every route is described, and nothing is described that is not there.
func TestOpenAPI_Routes(t *testing.T) {
	var got []string
	ids := map[string]bool{}
	for path, methods := range described(t).Paths {
		for method, operation := range methods {
			got = append(got, strings.ToUpper(method)+" "+path)
			ids[operation.OperationID] = true
		}
	}
	slices.Sort(got)
	want := (&admin.API{}).Routes()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("openapi.json (-routes +described):\n%s", diff)
	}
	if len(ids) != len(want) {
		t.Errorf("%d operation IDs for %d routes", len(ids), len(want))
	}
}

// wire is every type that goes over the wire, by its name in openapi.json.
func wire() map[string]any {
	return map[string]any{
		"Error": admin.Error{}, "Server": admin.Server{}, "Revealed": admin.Revealed{}, "Result": admin.Result{}, "Diagnosis": admin.Diagnosis{},
		"NewServer": admin.NewServer{}, "Change": admin.Change{}, "Forced": admin.Forced{}, "Meeting": admin.Meeting{},
		"EndedMeeting": admin.EndedMeeting{},
		"Tenant":       admin.Tenant{}, "Version": admin.Version{}, "Status": admin.Status{}, "Counts": admin.Counts{},
		"Check": admin.Check{}, "Checked": admin.Checked{},
		"Recording": admin.Recording{}, "RecordingPage": admin.RecordingPage{}, "Details": admin.Details{},
		"RecordingDetails": admin.RecordingDetails{}, "Format": admin.Format{}, "Edits": admin.Edits{}, "Owed": admin.Owed{},
		"RecordingOwed": admin.RecordingOwed{}, "RecordingChange": admin.RecordingChange{}, "Job": admin.Job{},
		"Assignment": admin.Assignment{}, "Protection": admin.Protection{}, "ProtectReport": admin.ProtectReport{},
		"RecordingSums": admin.RecordingSums{}, "Volume": admin.Volume{}, "Script": admin.Script{}, "Line": admin.Line{},
		"Progress": recordings.Progress{}, "Finding": recordings.Finding{}, "Pruned": recordings.Pruned{},
		"ImportOptions": recordings.ImportOptions{}, "ImportReport": recordings.ImportReport{},
		"VerifyOptions": recordings.VerifyOptions{}, "VerifyReport": recordings.VerifyReport{},
		"PruneOptions": recordings.PruneOptions{}, "PruneReport": recordings.PruneReport{},
		"Event": admin.Event{}, "Trial": admin.Trial{}, "Tried": admin.Tried{}, "TrialCheck": trial.Check{},
		"LoadReport": trial.LoadReport{}, "CallLatency": trial.CallLatency{}, "Drain": admin.Drain{},
		"Drained": admin.Drained{}, "Room": admin.Room{}, "Panic": admin.Panic{}, "Panicked": admin.Panicked{},
		"Sync": admin.Sync{}, "SyncServer": admin.SyncServer{}, "Synced": admin.Synced{}, "SyncChange": admin.SyncChange{},
		"Capacity": admin.Capacity{}, "Fullness": admin.Fullness{}, "ServerShare": admin.ServerShare{},
		"DryRun": admin.DryRun{}, "Placement": admin.Placement{}, "Option": admin.Option{}, "Explained": admin.Explained{},
		"ExplainedAt": admin.ExplainedAt{}, "Decision": admin.Decision{}, "TenantChange": admin.TenantChange{},
		"TraceMeeting": traces.Meeting{},
	}
}

// Every field that goes over the wire is described, and no other.
func TestOpenAPI_Schemas(t *testing.T) {
	types := wire()
	schemas := described(t).Components.Schemas
	for name, value := range types {
		got := slices.Sorted(maps.Keys(schemas[name].Properties))
		if diff := cmp.Diff(fields(reflect.TypeOf(value)), got); diff != "" {
			t.Errorf("%s (-type +described):\n%s", name, diff)
		}
		delete(schemas, name)
	}
	if len(schemas) > 0 {
		t.Errorf("described without a type: %v", slices.Sorted(maps.Keys(schemas)))
	}
}

// fields returns the names that a struct has in JSON, sorted.
func fields(t reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.Anonymous && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

var update = flag.Bool("update", false, "write the golden file of names anew")

// terms are names that BigBlueButton has given, and we keep.
var terms = []string{"meetingID", "recordID", "internalMeetingID", "createTime", "breakoutRooms"}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Names that programs of other people rely on have one style, and only ever become more. A line that goes from this file
// breaks somebody's script.
func TestNames(t *testing.T) {
	var got []string
	for name, value := range wire() {
		for _, field := range fields(reflect.TypeOf(value)) {
			if !snakeCase.MatchString(field) && !slices.Contains(terms, field) {
				t.Errorf("%s.%s: want it in snake_case, unless it is a term of BigBlueButton's", name, field)
			}
			got = append(got, name+"."+field+"\n")
		}
	}
	slices.Sort(got)
	path, text := filepath.Join("testdata", "names.txt"), strings.Join(got, "")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("names (-want +got), to be written anew with -update where some were added:\n%s", diff)
	}
}
