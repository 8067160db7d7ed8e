package book

import (
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/placement/wire"
)

// changes are the kinds of changes, as frames say them. A kind keeps its name for ever.
var changes = wire.New(map[string]any{
	"server-set":        ServerSet{},
	"server-removed":    ServerRemoved{},
	"claim-loaded":      ClaimLoaded{},
	"claim-placed":      ClaimPlaced{},
	"claim-taken-back":  ClaimTakenBack{},
	"claim-confirmed":   ClaimConfirmed{},
	"claim-redated":     ClaimRedated{},
	"claim-marked":      ClaimMarked{},
	"claim-closed":      ClaimClosed{},
	"claim-adopted":     ClaimAdopted{},
	"create-begun":      CreateBegun{},
	"create-over":       CreateOver{},
	"meeting-ended":     MeetingEnded{},
	"ending-owed":       EndingOwed{},
	"ending-forgotten":  EndingForgotten{},
	"join-sent":         JoinSent{},
	"poll-begun":        PollBegun{},
	"poll-seen":         PollSeen{},
	"seats-looked":      SeatsLooked{},
	"seat-held":         SeatHeld{},
	"session-learnt":    SessionLearnt{},
	"history-shortened": HistoryShortened{},
	"hour-recalled":     HourRecalled{},
	"history-emptied":   HistoryEmptied{},
	"book-begun":        Begun{},
	"servers-kept":      ServersKept{},
	"meetings-kept":     MeetingsKept{},
	"closings-kept":     ClosingsKept{},
	"endings-kept":      EndingsKept{},
	"seats-kept":        SeatsKept{},
	"tenants-kept":      TenantsKept{},
	"history-kept":      HistoryKept{},
	"book-whole":        Whole{},
})

// Encode returns a change as frames of bounded length for another process: mostly one.
func Encode(c Change) ([][]byte, error) {
	frame, err := changes.Encode(c)
	if err != nil {
		return nil, err
	}
	return wire.Split(frame), nil
}

// Frames reads the changes of one sender, from his frames in their order. Times are in that zone then, by whose wall clock
// the hours of rooms are.
type Frames struct {
	Zone  *time.Location
	parts wire.Parts
}

// Decode returns the change that is whole with this frame; nil where more must come, and where it is of a kind that is not
// known here, which somebody newer says.
func (f *Frames) Decode(frame []byte) (Change, error) {
	whole, err := f.parts.Add(frame)
	if whole == nil {
		return nil, err
	}
	value, err := changes.Decode(whole, f.Zone)
	if errors.Is(err, wire.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, ok := value.(Change)
	if !ok {
		return nil, fmt.Errorf("%T is no change", value)
	}
	return c, nil
}
