package lrs_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/api/gateway/lrs"
	"github.com/bbbpool/bbbpool/store"
)

// BenchmarkPayload is what a create costs more for a tenant that has a record store.
func BenchmarkPayload(b *testing.B) {
	var p lrs.Payloads
	tenant := store.LRS{Endpoint: "https://lrs.example.org/xapi", User: "u", Password: "p"}
	for b.Loop() {
		if _, err := p.Payload(b.Context(), tenant, "s3cret"); err != nil {
			b.Fatal(err)
		}
	}
}
