package placement

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/capacity"
	"github.com/bbbpool/bbbpool/placement/coming"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/placement/settings"
	"github.com/bbbpool/bbbpool/store"
)

// The words of the book and of what it is made of, as the rest of the program says them.
//
//nolint:revive // each is explained where it is
type (
	Config     = settings.Config
	Bridges    = settings.Bridges
	Book       = book.Book
	Change     = book.Change
	Wish       = book.Wish
	Basis      = forecast.Basis
	Placement  = book.Placement
	Made       = book.Made
	Person     = coming.Person
	Server     = book.Server
	Standing   = rule.Standing
	Load       = rule.Load
	Found      = book.Found
	Info       = book.Info
	Tally      = quota.Tally
	Copy       = book.Copy
	Poll       = book.Poll
	Sighting   = book.Sighting
	Finished   = book.Finished
	Capacity   = capacity.Capacity
	Share      = capacity.Share
	Crowd      = capacity.Crowd
	Drained    = capacity.Drained
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
	Gone     = rule.Gone
	Held     = rule.Held
	Doubtful = rule.Doubtful
	Unproven = rule.Unproven
	Open     = rule.Open
)

// What expectations are taken from, from best to worst; Pinned leaves no choice.
const (
	FromHistory = forecast.FromHistory
	FromHint    = forecast.FromHint
	FromTenant  = forecast.FromTenant
	FromDefault = forecast.FromDefault
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
