package admin

import (
	"context"
	"net/http"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// InstanceList is what is known of the processes that serve the pool together.
type InstanceList interface {
	// List returns all of them, by ID.
	List(ctx context.Context) ([]v1.Instance, error)
	// StepDown has an instance hand on the lead. It returns when another one has it, or store.ErrNotFound where there is no
	// such instance; one that does not lead has nothing to hand on, which is no error.
	StepDown(ctx context.Context, id string) error
}

// Instances shows the processes that serve the pool together, and has one of them hand on the lead. Every one of them answers
// that itself.
type Instances struct {
	Known InstanceList // nil where the pool has one process
}

func (i *Instances) routes() frame.Routes {
	return frame.Routes{
		"GET /instances":                 frame.Whole(i.list, access.Read),
		"POST /instances/{id}/step-down": frame.Whole(i.stepDown, access.Operate),
	}
}

func (i *Instances) list(r *http.Request) (any, error) {
	if i.Known == nil {
		return []v1.Instance{}, nil
	}
	return i.all(r.Context())
}

// all returns the instances, each with a list of problems, if that has nothing in it.
func (i *Instances) all(ctx context.Context) ([]v1.Instance, error) {
	list, err := i.Known.List(ctx)
	for n := range list {
		if list[n].Problems == nil {
			list[n].Problems = []string{}
		}
	}
	return list, err
}

func (i *Instances) stepDown(r *http.Request) (any, error) {
	if err := frame.Read(r, &struct{}{}); err != nil {
		return nil, err
	}
	if i.Known == nil {
		return nil, v1.Conflict("this pool has one instance, which nobody can take the lead from")
	}
	id := r.PathValue("id")
	if err := i.Known.StepDown(r.Context(), id); err != nil {
		return nil, err
	}
	return frame.Changed{Action: "step down", Kind: "instance", Object: id}, nil
}

// tell says in a status which instances there are. That nobody can be asked for them is a problem, which stands there itself.
func (i *Instances) tell(ctx context.Context, st *v1.Status) {
	if i == nil || i.Known == nil {
		return
	}
	list, err := i.all(ctx)
	if err != nil {
		return
	}
	st.Instances = list
	for _, one := range list {
		if one.State == v1.Leading {
			st.Leader = one.ID
		}
		if one.LagMS != nil && (st.LagMS == nil || *st.LagMS < *one.LagMS) {
			st.LagMS = one.LagMS
		}
	}
}
