package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// instances are three of them, of which the first leads.
type instances struct{ down string }

func (i *instances) List(context.Context) ([]v1.Instance, error) {
	near, far := 80.0, 310.0
	return []v1.Instance{
		{ID: "a", State: v1.Leading, Epoch: 7, Problems: []string{"the disk is full"}},
		{ID: "b", State: v1.Following, LagMS: &near, Self: true},
		{ID: "c", State: v1.Following, LagMS: &far},
	}, nil
}

func (i *instances) StepDown(_ context.Context, id string) error {
	if id != "a" {
		return store.ErrNotFound
	}
	i.down = id
	return nil
}

func TestInstances(t *testing.T) {
	p := newTestPool(t)
	if _, body := p.request(t, "GET", "/instances", ""); strings.TrimSpace(body) != "[]" {
		t.Errorf("a pool of one process: %s", body)
	}
	if code, body := p.request(t, "POST", "/instances/a/step-down", "{}"); code != http.StatusConflict {
		t.Errorf("step down alone: %d %s", code, body)
	}
	if _, body := p.request(t, "GET", "/status", ""); strings.Contains(body, "leader") {
		t.Errorf("status of a pool of one process: %s", body)
	}
	known := &instances{}
	p.api.Instances.Known = known
	if _, body := p.request(t, "GET", "/instances", ""); strings.Count(body, `"problems":[`) != 3 || !strings.Contains(body, `"lag_ms":310`) {
		t.Errorf("instances: %s", body)
	}
	if code, body := p.request(t, "POST", "/instances/x/step-down", "{}"); code != http.StatusNotFound {
		t.Errorf("step down of nobody: %d %s", code, body)
	}
	if code, body := p.request(t, "POST", "/instances/a/step-down", "{}"); code != http.StatusNoContent || known.down != "a" {
		t.Errorf("step down: %d %s", code, body)
	}
	_, body := p.request(t, "GET", "/status", "")
	if !strings.Contains(body, `"leader":"a"`) || !strings.Contains(body, `"lag_ms":310}`) || !strings.Contains(body, `"id":"c"`) {
		t.Errorf("status: %s", body)
	}
}
