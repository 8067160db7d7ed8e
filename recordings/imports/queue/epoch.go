package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// ErrTaken is that a job is another instance's by now. It is a conflict to whoever else sees it.
var ErrTaken = fmt.Errorf("the import was taken over by another instance: %w", store.ErrConflict)

// Staging is where a job unpacks: always the same in an epoch, so that nothing of a former attempt can be left elsewhere.
func Staging(epoch uint64, id string) string {
	sum := sha256.Sum256([]byte(id))
	name := hex.EncodeToString(sum[:12])
	if epoch == 0 {
		return name
	}
	return fmt.Sprintf("%016x-%s", epoch, name)
}

// EpochOf is the epoch that a staging belongs to; 0 where it has none.
func EpochOf(staging string) uint64 {
	prefix, _, ok := strings.Cut(staging, "-")
	if !ok {
		return 0
	}
	epoch, err := strconv.ParseUint(prefix, 16, 64)
	if err != nil {
		return 0
	}
	return epoch
}

// Renew lets nobody wait, and hands out tickets of an epoch from now on. Who is at work goes on, and nobody else gets at that
// job.
func (q *Queue) Renew(epoch uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.waiting)
	q.epoch = epoch
}

// Mine returns ErrTaken for a job that a later epoch has begun. Where there are no epochs whoever has the ticket has the job.
func (t *Ticket) Mine(j store.Job) error {
	if t.Epoch > 0 && EpochOf(j.Staging) > t.Epoch {
		return ErrTaken
	}
	return nil
}

// Mark notes in a job whose it is.
func (t *Ticket) Mark(j *store.Job) {
	if t.Epoch > 0 {
		j.Staging = t.Staging
	}
}
