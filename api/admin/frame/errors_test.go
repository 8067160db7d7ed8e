package frame_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/store"
)

// Whether something was done is in doubt only where something was to be done.
func TestRefusal_DatabaseAway(t *testing.T) {
	for method, doubtful := range map[string]bool{
		http.MethodGet: false, http.MethodHead: false, http.MethodPost: true, http.MethodPatch: true, http.MethodDelete: true,
	} {
		e := frame.Refusal(httptest.NewRequest(method, "/api/v1/recordings", nil), fmt.Errorf("list: %w", store.ErrAway))
		if e.Status != http.StatusServiceUnavailable || e.Code != "store-away" || !strings.Contains(e.Message, "bbbpool status") {
			t.Errorf("%s is refused with %+v", method, e)
		}
		if said := strings.Contains(e.Message, "whether this was done"); said != doubtful {
			t.Errorf("%s is refused with %s", method, e.Message)
		}
	}
}
