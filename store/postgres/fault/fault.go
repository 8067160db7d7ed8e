// Package fault finds out what errors of PostgreSQL mean to callers: whether the database is away, whether the same may succeed
// at once, and what a person reads of it. It never asks the database anything.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/bbbpool/bbbpool/store"
)

// The codes of PostgreSQL that mean something to us.
const (
	codeReadOnly     = "25006"
	codeIdleTimeout  = "25P03"
	codeSerialize    = "40001"
	codeDeadlock     = "40P01"
	codeUnique       = "23505"
	codeStalePlan    = "0A000"
	codeTooLarge     = "54000"
	codeLocked       = "55P03"
	codeCanceled     = "57014"
	CodeNoRight      = "42501"
	classConnection  = "08"
	classResources   = "53"
	classOperator    = "57"
	classSystem      = "58"
	classAuthorize   = "28"
	maxErrorInAnswer = 300
)

var errClosed = errors.New("the store is closed")

// closureError is the error of a caller's closure, which goes back as it is.
type closureError struct{ error }

// OfClosure marks what a caller's closure has returned.
func OfClosure(err error) error {
	if err == nil {
		return nil
	}
	return closureError{err}
}

// dbError marks what came from the database or the way to it, and not from us.
type dbError struct{ error }

func (e dbError) Unwrap() error { return e.error }

// OfDB marks an error of pgx.
func OfDB(err error) error {
	if err == nil {
		return nil
	}
	return dbError{err}
}

// Wrap says what was being done, and whether the database is away. The caller's own end is told as that.
func Wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[closureError](err); ok {
		return own.error
	}
	if _, ok := errors.AsType[dbError](err); !ok {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %w", op, kindOf(ctx, err))
}

// kindOf finds out what an error of the database means to a caller.
func kindOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, puddle.ErrClosedPool) {
		return errClosed
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case connecting, !ok:
		return fmt.Errorf("%w: %s", store.ErrAway, Short(err))
	case pg.Code == codeTooLarge:
		return fmt.Errorf("%w: %s", store.ErrTooLarge, Short(pg))
	case Away(pg.Code):
		return fmt.Errorf("%w: %s", store.ErrAway, Short(pg))
	}
	return fmt.Errorf("%s (%s)", Short(pg), pg.Code)
}

// Away tells whether a code says that the database does not take anything now, whatever is asked.
func Away(code string) bool {
	switch code {
	case codeReadOnly, codeIdleTimeout, codeSerialize, codeDeadlock, codeUnique, codeStalePlan, codeLocked:
		return true
	}
	switch code[:min(2, len(code))] {
	case classConnection, classResources, classOperator, classSystem, classAuthorize, "XX":
		return true
	}
	return false
}

// Again tells whether an error says that the same may succeed at once: somebody else was quicker.
func Again(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch pg.Code {
	case codeSerialize, codeDeadlock, codeUnique, codeStalePlan:
		return true
	}
	return false
}

// CodeOf is the code that PostgreSQL has given; "" for none.
func CodeOf(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// Short is an error in one line, and not more of it than people read. Errors of connections name the address, the user and
// the database, and never the password.
func Short(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > maxErrorInAnswer {
		text = strings.ToValidUTF8(text[:maxErrorInAnswer], "") + "…"
	}
	return text
}

// Marked tells errors of the database from those of callbacks, which are marked already or our own.
func Marked(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[Ours](err); ok {
		return own.Err
	}
	return OfDB(err)
}

// Ours is what a callback of a batch has found wrong itself.
type Ours struct{ Err error }

// Error is that of what was found.
func (e Ours) Error() string { return e.Err.Error() }
