package assembly

import (
	"context"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/handback"
	"github.com/bbbpool/bbbpool/api/reload"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
	"github.com/bbbpool/bbbpool/store/rows"
	"github.com/bbbpool/bbbpool/store/waiting"
)

// This file has what makes a pool outlive its databases: the state has a mirror, and what cannot be written to the index waits.

// openMirror puts a copy before a state that is elsewhere, and a journal before an index. Whoever only administrates a pool that
// nobody runs works on the databases themselves.
func (p *Pool) openMirror(ctx context.Context) error {
	s := p.Stores
	if p.offline {
		return nil
	}
	if s.Redis != nil {
		if err := p.openCopy(ctx); err != nil {
			return err
		}
	}
	if p.options.Settings.Stores.DatabaseURL == "" {
		return nil
	}
	config := waiting.Config{Index: s.Index, Journal: s.State, Log: p.log("waiting"), Now: p.options.Now}
	if p.Instance != nil {
		config.Leading = p.Instance.Leading
	}
	p.waiting = waiting.New(ctx, config)
	s.Index = p.waiting.Index()
	p.Metrics.RegisterMetricsWriter(p.waiting.WriteMetrics)
	return nil
}

// openCopy puts a copy before the state, which every instance has one of.
func (p *Pool) openCopy(ctx context.Context) (err error) {
	s := p.Stores
	if p.mirror, err = p.awaitCopy(ctx); err != nil {
		return err
	}
	p.took(p.mirror.Close)
	s.State = p.mirror.State()
	p.Metrics.RegisterMetricsWriter(p.mirror.WriteMetrics)
	return nil
}

// attachMirror tells the mirror who decides, what the ledger knows, and who is to read again what others have changed.
func (p *Pool) attachMirror() {
	if p.mirror == nil {
		return
	}
	log := p.log("mirror")
	p.Instance.Blank(p.mirror.Blank)
	p.Instance.WasAlone(p.mirror.WasAlone())
	p.mirror.Attach(mirror.Hooks{
		Leading: p.Instance.Holds, Alone: p.Instance.Alone, Owes: p.Instance.Owes, Led: p.Instance.Led, Known: p.known,
		Edited: func(kinds []string) {
			log.Debug().Strs("kinds", kinds).Msg("records were changed in the database by another instance, or from outside")
			p.Notices.Want(editable(kinds)...)
		},
		Healed: func(r mirror.Report) {
			log.Warn().Str("why", r.Why).Int("records", r.Records()).Dur("took", r.Took).Msg("what the database had lost was put back")
		},
	})
}

// editable are the parts that read records of these kinds.
func editable(kinds []string) (parts []string) {
	for _, kind := range kinds {
		switch kind {
		case rows.Servers.Kind:
			parts = append(parts, reload.Servers)
		case rows.Tenants.Kind:
			parts = append(parts, reload.Tenants)
		}
	}
	return parts
}

// known are the claims and endings that the ledger has in memory, as rows.
func (p *Pool) known() (list []store.Row) {
	for _, c := range p.Ledger.Claims() {
		if row, err := rows.Claims.Row(c); err == nil {
			list = append(list, row)
		}
	}
	for _, e := range p.Ledger.Endings() {
		if row, err := rows.Endings.Row(e); err == nil {
			list = append(list, row)
		}
	}
	return list
}

// fresh reads again what a part has of the records, once the copy is as the database is now: a notice may be faster than a look.
func (p *Pool) fresh(read func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if p.mirror != nil && !p.Instance.Leading() {
			_ = p.mirror.Refresh(ctx) // where it is away, what there is counts
		}
		return read(ctx)
	}
}

// mirroring are the parts that look after the databases, whoever decides.
func (p *Pool) mirroring() (parts []api.Runner) {
	parts = append(parts, p.Stores, &p.late)
	if p.mirror != nil {
		parts = append(parts, p.mirror)
	}
	if p.waiting != nil {
		parts = append(parts, p.waiting)
	}
	return parts
}

// observing is what writes servers where Scalelite looks for them.
func (p *Pool) observing() api.Runner {
	return &handback.Writer{Pool: p.Poller, Store: p.Stores.Redis, Log: p.log("handback")}
}
