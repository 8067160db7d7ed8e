package placement

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// The words of the book, as the rest of the program says them.
//
//nolint:revive // each is explained in package book
type (
	Config     = book.Config
	Bridges    = book.Bridges
	Book       = book.Book
	Change     = book.Change
	Wish       = book.Wish
	Basis      = book.Basis
	Placement  = book.Placement
	Made       = book.Made
	Person     = book.Person
	Server     = book.Server
	Standing   = book.Standing
	Load       = book.Load
	Found      = book.Found
	Info       = book.Info
	Tally      = book.Tally
	Copy       = book.Copy
	Poll       = book.Poll
	Sighting   = book.Sighting
	Finished   = book.Finished
	Capacity   = book.Capacity
	Share      = book.Share
	Crowd      = book.Crowd
	Drained    = book.Drained
	Considered = book.Considered
	Option     = book.Option
)

// The changes of the book.
//
//nolint:revive // each is explained in package book
type (
	ServerSet        = book.ServerSet
	ServerRemoved    = book.ServerRemoved
	ClaimLoaded      = book.ClaimLoaded
	CreateBegun      = book.CreateBegun
	CreateOver       = book.CreateOver
	ClaimPlaced      = book.ClaimPlaced
	ClaimTakenBack   = book.ClaimTakenBack
	ClaimConfirmed   = book.ClaimConfirmed
	ClaimRedated     = book.ClaimRedated
	ClaimMarked      = book.ClaimMarked
	ClaimClosed      = book.ClaimClosed
	ClaimAdopted     = book.ClaimAdopted
	MeetingEnded     = book.MeetingEnded
	EndingOwed       = book.EndingOwed
	EndingForgotten  = book.EndingForgotten
	JoinSent         = book.JoinSent
	PollBegun        = book.PollBegun
	PollSeen         = book.PollSeen
	SeatsLooked      = book.SeatsLooked
	SeatHeld         = book.SeatHeld
	SessionLearnt    = book.SessionLearnt
	HistoryShortened = book.HistoryShortened
	HourRecalled     = book.HourRecalled
)

// The standings of servers, from worst to best.
const (
	Gone     = book.Gone
	Held     = book.Held
	Doubtful = book.Doubtful
	Unproven = book.Unproven
	Open     = book.Open
)

// What expectations are taken from, from best to worst; Pinned leaves no choice.
const (
	FromHistory = book.FromHistory
	FromHint    = book.FromHint
	FromTenant  = book.FromTenant
	FromDefault = book.FromDefault
	Pinned      = book.Pinned
)

// Why a claim is closed, and how many copies of a meeting are looked after on one server.
const (
	Ended     = book.Ended
	Vanished  = book.Vanished
	Lost      = book.Lost
	Moved     = book.Moved
	Removed   = book.Removed
	Forgotten = book.Forgotten
	MaxCopies = book.MaxCopies
)

// Errors of the book.
var (
	ErrNoServer      = book.ErrNoServer
	ErrNoTag         = book.ErrNoTag
	ErrFull          = book.ErrFull
	ErrForeign       = book.ErrForeign
	ErrVoice         = book.ErrVoice
	ErrMeetings      = book.ErrMeetings
	ErrPerHour       = book.ErrPerHour
	ErrPeople        = book.ErrPeople
	ErrMeetingPeople = book.ErrMeetingPeople
	ErrUnknown       = book.ErrUnknown
)

// NewBook is [book.New].
func NewBook(config Config, start time.Time) *Book { return book.New(config, start) }

// Explain is [book.Explain].
func Explain(server string, d store.Decision) string { return book.Explain(server, d) }
