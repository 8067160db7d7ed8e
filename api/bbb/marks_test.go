package bbb_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// What marks whose something is belongs to the pool; a recording that is to be kept is the front end's to mark.
func TestReservedMeta(t *testing.T) {
	for key, want := range map[string]bool{
		bbb.TenantKey: true, "bbbpool-probe": true, "tenant-id": true, "tenant-name": true,
		bbb.KeepKey: false, "bbbpool": false, "tenant": false, "topic": false, "": false,
	} {
		if got := bbb.ReservedMeta(key); got != want {
			t.Errorf("%q: %t, want %t", key, got, want)
		}
	}
}
