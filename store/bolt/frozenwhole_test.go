package bolt_test

import (
	"reflect"
	"testing"
)

// Every field of every record is in the frozen databases of today's schema: one that was added and is not frozen could be
// lost by a later version in silence.
func TestFrozen_Whole(t *testing.T) {
	for _, records := range [][]any{
		{frozen.server, frozenSince3.server, frozenSince5.server},
		{frozen.tenant, frozenSince3.tenant, frozenSince5.tenant, frozenSince7.tenant},
		{frozenSince7.tenant.Callbacks},
		{frozenSince7.tenant.LRS},
		{*frozenBack},
		{frozenSince7.callback},
		{frozenSince7.hook},
		{frozenSince7.analysis},
		{frozenSince5.tenant.Limits},
		{frozenSince5.tenant.Secrets[0]},
		{frozenSince5.tenant.Params[0]},
		{frozen.claim, frozenSince3.claim, frozenSince5.claim, frozenSince6.claim, frozenSince7.claim},
		{frozenSince6.wait},
		{frozenSince4.ending, frozenSince5.ending},
		{frozenSince3.sessions[0], frozen.session, frozenSince7.session},
		{frozenWhy},
		{frozenSince4.events[0]},
		{frozenSince5.token},
		{frozenSince5.audits[0]},
		{frozenSince5.usage[0]},
		{frozenSince2.job, frozenSince7.job},
		{frozenSince2.recording, frozenSince5.recording},
	} {
		kind := reflect.TypeOf(records[0])
		for i := range kind.NumField() {
			filled := false
			for _, r := range records {
				filled = filled || !reflect.ValueOf(r).Field(i).IsZero()
			}
			if !filled {
				t.Errorf("%s.%s is not frozen", kind, kind.Field(i).Name)
			}
		}
	}
}
