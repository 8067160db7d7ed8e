package admin_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	traces "github.com/bbbpool/bbbpool/placement/simulate"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
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
		"Error": v1.Error{}, "Server": v1.Server{}, "Revealed": v1.Revealed{}, "Result": v1.Result{}, "Diagnosis": v1.Diagnosis{},
		"SecretChange": v1.SecretChange{}, "NewServer": v1.NewServer{}, "Change": v1.Change{}, "Forced": v1.Forced{}, "Meeting": v1.Meeting{},
		"EndedMeeting": v1.EndedMeeting{},
		"Tenant":       v1.Tenant{}, "Version": v1.Version{}, "Status": v1.Status{}, "BackupStatus": v1.BackupStatus{}, "Counts": v1.Counts{},
		"Check": v1.Check{}, "Checked": v1.Checked{},
		"Recording": v1.Recording{}, "RecordingPage": v1.RecordingPage{}, "Details": v1.Details{},
		"RecordingDetails": v1.RecordingDetails{}, "Format": v1.Format{}, "Edits": v1.Edits{}, "Owed": v1.Owed{},
		"RecordingOwed": v1.RecordingOwed{}, "RecordingChange": v1.RecordingChange{}, "Job": v1.Job{},
		"Assignment": v1.Assignment{}, "Protection": v1.Protection{}, "ProtectReport": v1.ProtectReport{},
		"RecordingSums": v1.RecordingSums{}, "Volume": v1.Volume{}, "Script": v1.Script{}, "Line": v1.Line{},
		"Progress": v1.Progress{}, "Finding": v1.Finding{}, "Pruned": v1.Pruned{},
		"ImportOptions": v1.ImportOptions{}, "ImportReport": v1.ImportReport{},
		"VerifyOptions": v1.VerifyOptions{}, "VerifyReport": v1.VerifyReport{},
		"PruneOptions": v1.PruneOptions{}, "PruneReport": v1.PruneReport{},
		"Event": v1.Event{}, "Trial": v1.Trial{}, "Tried": v1.Tried{}, "TrialCheck": v1.TrialCheck{},
		"LoadReport": v1.LoadReport{}, "CallLatency": v1.CallLatency{}, "Drain": v1.Drain{},
		"Drained": v1.Drained{}, "Room": v1.Room{}, "Panic": v1.Panic{}, "Panicked": v1.Panicked{},
		"Sync": v1.Sync{}, "SyncServer": v1.SyncServer{}, "Synced": v1.Synced{}, "SyncChange": v1.SyncChange{},
		"Capacity": v1.Capacity{}, "Fullness": v1.Fullness{}, "ServerShare": v1.ServerShare{},
		"DryRun": v1.DryRun{}, "Placement": v1.Placement{}, "Option": v1.Option{}, "Explained": v1.Explained{},
		"ExplainedAt": v1.ExplainedAt{}, "Decision": v1.Decision{}, "TenantChange": v1.TenantChange{},
		"ParamRules": v1.ParamRules{}, "ParamQuestion": v1.ParamQuestion{}, "ParamAnswer": v1.ParamAnswer{},
		"ParamStep": v1.ParamStep{}, "ParamValue": v1.ParamValue{}, "ParamRule": v1.ParamRule{},
		"TenantResult": v1.TenantResult{}, "TenantLimits": v1.TenantLimits{}, "TenantUse": v1.TenantUse{},
		"TenantSecret": v1.TenantSecret{}, "NewTenant": v1.NewTenant{}, "NewTenantSecret": v1.NewTenantSecret{},
		"TenantLRS": v1.TenantLRS{}, "LRSChange": v1.LRSChange{},
		"Rotation": v1.Rotation{}, "ChangedSecrets": v1.ChangedSecrets{}, "RemovedTenant": v1.RemovedTenant{},
		"TenantSync": v1.TenantSync{}, "SyncTenant": v1.SyncTenant{}, "LimitChange": v1.LimitChange{}, "Branding": v1.Branding{},
		"FoundMeeting": v1.FoundMeeting{}, "Forget": v1.Forget{}, "Forgotten": v1.Forgotten{}, "Usage": v1.Usage{},
		"ForgottenRecording": v1.ForgottenRecording{}, "LeftOver": v1.LeftOver{}, "ForgottenCounts": v1.ForgottenCounts{},
		"TraceMeeting": traces.Meeting{}, "Problem": v1.Problem{}, "Subject": v1.Subject{},
		"Token": v1.Token{}, "NewToken": v1.NewToken{}, "AddedToken": v1.AddedToken{}, "AuditEntry": v1.AuditEntry{},
		"Instance": v1.Instance{}, "Analysis": v1.Analysis{}, "Attendee": v1.Attendee{},
		"TenantCallbacks": v1.TenantCallbacks{}, "CallbackChange": v1.CallbackChange{},
		"Callback": v1.Callback{}, "CallbackRetry": v1.CallbackRetry{},
		"RetriedCallbacks": v1.RetriedCallbacks{},
	}
}

// No type of package v1 that goes over the wire is left out of wire.
func TestOpenAPI_Types(t *testing.T) {
	files, err := filepath.Glob("v1/*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	known := map[string]bool{}
	for _, value := range wire() {
		known[reflect.TypeOf(value).Name()] = true
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			group, ok := declared.(*ast.GenDecl)
			if !ok || group.Tok != token.TYPE {
				continue
			}
			for _, spec := range group.Specs {
				if named, ok := spec.(*ast.TypeSpec); ok && overWire(named) && !known[named.Name.Name] {
					t.Errorf("%s is not described", named.Name)
				}
			}
		}
	}
}

// overWire tells whether a type is a struct with names in JSON.
func overWire(named *ast.TypeSpec) bool {
	kind, ok := named.Type.(*ast.StructType)
	return ok && slices.ContainsFunc(kind.Fields.List, func(f *ast.Field) bool {
		return f.Tag != nil && strings.Contains(f.Tag.Value, "json:")
	})
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

// Every field has the kind that is described, and is required where the type always has it: callers in other languages are
// made from the description, ours from the types.
func TestOpenAPI_Kinds(t *testing.T) {
	_, body := newTestPool(t).request(t, "GET", "/openapi.json", "")
	var d struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal(err)
	}
	names := map[reflect.Type]string{}
	for name, value := range wire() {
		names[reflect.TypeOf(value)] = name
	}
	for name, value := range wire() {
		described, kind := d.Components.Schemas[name], reflect.TypeOf(value)
		var required []string
		for _, f := range reflect.VisibleFields(kind) {
			field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || field == "-" || shadowed(kind, f) {
				continue
			}
			if options == "" {
				required = append(required, field)
			}
			property := described.Properties[field]
			if diff := cmp.Diff(kindOf(names, f.Type, options == ""), property.kind()); diff != "" {
				t.Errorf("%s.%s (-type +described):\n%s", name, field, diff)
			}
		}
		slices.Sort(required)
		slices.Sort(described.Required)
		if diff := cmp.Diff(required, described.Required); diff != "" {
			t.Errorf("%s, required (-type +described):\n%s", name, diff)
		}
	}
}

// words are those of the types of others, as strings.
func words[T ~string](list ...T) (words []any) {
	for _, word := range list {
		words = append(words, string(word))
	}
	return words
}

// Where few words can stand all are described, as what the program has for them says: one more is one that callers in other
// languages fail at.
func TestOpenAPI_Words(t *testing.T) {
	d, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	var severities []any
	for s := problems.Refusing; s.String() != "unknown"; s++ {
		severities = append(severities, s.String())
	}
	states := words(store.Enabled, store.Cordoned, store.Draining, store.Disabled)
	recorded := words(store.Awaited, store.Processing, store.Processed, store.Published, store.Unpublished, store.Deleted)
	for at, want := range map[string][]any{
		"Problem.severity": severities,
		"Subject.kind": words(problems.Server, problems.Volume, problems.Store, problems.Import, problems.Network, problems.Setting,
			problems.Tenant, problems.Pool, problems.Process, problems.Receiver),
		"Server.state": states, "Result.state": states, "Revealed.state": states, "Drained.state": states, "Panicked.state": states,
		"Server.health":   words(poller.Unknown, poller.Online, poller.Suspect, poller.Offline),
		"Server.checksum": words(bbb.SHA1, bbb.SHA256, bbb.SHA384, bbb.SHA512),
		"Recording.state": recorded, "RecordingDetails.state": recorded, "RecordingOwed.state": recorded,
		"Owed.step": words(store.OwedEnded, store.OwedProcessing, store.OwedProcessed, store.OwedPublished, store.OwedArrived,
			store.OwedMissing),
		"Job.state": words(store.JobWaiting, store.JobImporting, store.JobPlacing, store.JobDone, store.JobFailed, store.JobDropped,
			recordings.JobIgnored),
		"ParamRule.op":     words(store.ParamDefault, store.ParamOverride, store.ParamRemove, store.ParamAdd, store.ParamTake, store.ParamCap),
		"Tenant.state":     words(store.Enabled, store.Disabled),
		"Instance.state":   words(v1.Leading, v1.Following, v1.Leaving, v1.Silent),
		"TrialCheck.level": words(v1.Pass, v1.Warning, v1.Fail, v1.Skipped),
	} {
		name, field, _ := strings.Cut(at, ".")
		if diff := cmp.Diff(want, d.Components.Schemas[name].Properties[field].Enum); diff != "" {
			t.Errorf("%s (-program +described):\n%s", at, diff)
		}
	}
}

// shadowed tells whether a field is hidden by one that is less deep.
func shadowed(t reflect.Type, f reflect.StructField) bool {
	found, ok := t.FieldByName(f.Name)
	return ok && !slices.Equal(found.Index, f.Index)
}

// schema is as much of a JSON schema as openapi.json uses.
type schema struct {
	Type       any               `json:"type"` // a word or a list of words
	Format     string            `json:"format"`
	Ref        string            `json:"$ref"`
	AnyOf      []schema          `json:"anyOf"`
	AllOf      []schema          `json:"allOf"`
	Enum       []any             `json:"enum"`
	Items      *schema           `json:"items"`
	Values     *schema           `json:"additionalProperties"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
}

// kind says in a word what a value is.
func (s schema) kind() string {
	ref, null := strings.TrimPrefix(s.Ref, "#/components/schemas/"), ""
	list, _ := s.Type.([]any)
	word, _ := s.Type.(string)
	for _, one := range list {
		if one == "null" {
			null = " or null"
		} else {
			word, _ = one.(string)
		}
	}
	switch {
	case len(s.AnyOf) == 2 && s.AnyOf[1].Type == "null":
		return s.AnyOf[0].kind() + " or null"
	case ref != "":
		return ref
	case s.Items != nil:
		return "list of " + s.Items.kind() + null
	case s.Values != nil:
		return "map of " + s.Values.kind() + null
	case s.Format == "date-time":
		return "time" + null
	}
	return word + null
}

// kindOf is the same of a type in Go. A pointer that is always there may be null.
func kindOf(names map[reflect.Type]string, t reflect.Type, always bool) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[v1.Secret](), reflect.TypeFor[quantity.Age]():
		return "string"
	case reflect.TypeFor[traces.Count](): // has a form of its own
		return "list of integer"
	}
	if t == reflect.TypeFor[json.RawMessage]() { // is passed on as it came
		return "object"
	}
	switch t.Kind() {
	case reflect.Pointer:
		if always {
			return kindOf(names, t.Elem(), always) + " or null"
		}
		return kindOf(names, t.Elem(), always)
	case reflect.Slice:
		return "list of " + kindOf(names, t.Elem(), always)
	case reflect.Map:
		return "map of " + kindOf(names, t.Elem(), always)
	case reflect.Struct:
		return names[t]
	case reflect.Interface:
		return "object"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	default:
		return "integer"
	}
}
