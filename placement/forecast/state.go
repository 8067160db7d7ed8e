package forecast

// State is a piece of what a forecast knows, to go on with elsewhere. All pieces together are all of it.
type State struct {
	// Rooms are numbers, so many for each room: its name, the minutes of its last start and end, how many peaks are known, and
	// these, oldest first.
	Rooms    []uint64
	Tenants  []TenantState
	Regulars []RegularState
	Weeks    []WeekState
}

// TenantState is what a tenant's meetings were like.
type TenantState struct {
	Tenant                       string
	Meetings, Peaks, Came, Hints float64
}

// RegularState is a room that once was large.
type RegularState struct {
	Room   Room
	Server string
	Starts []uint32 // minutes
	Peaks  []uint16
	Hours  []HourState // from Sunday on
}

// HourState is the hour of a room on a day of the week.
type HourState struct {
	Start, Size float64
	Newest      uint32
	Visits      int
}

// WeekState is how busy a week was, slot by slot.
type WeekState struct {
	Number   int
	People   []uint32
	Meetings []uint16
}

// pieceSize is how many numbers, or so many things with a name, are in one piece at most.
const (
	pieceSize  = 8_000
	pieceThing = 500
	roomFields = 4 // of a room, beside the peaks
)

// State returns all that is known, in pieces of bounded size.
func (f *Forecast) State() (list []State) {
	rooms := make([]uint64, 0, pieceSize)
	for r, last := range f.rooms {
		if len(rooms) > pieceSize-roomFields-MaxSessions {
			list = append(list, State{Rooms: rooms})
			rooms = make([]uint64, 0, pieceSize)
		}
		rooms = append(rooms, uint64(r), uint64(last.last), uint64(last.end), uint64(last.n))
		for _, peak := range last.peaks[:last.n] {
			rooms = append(rooms, uint64(peak))
		}
	}
	list = append(list, State{Rooms: rooms, Weeks: f.week.state()})
	return append(append(list, f.tenantStates()...), f.regulars.states()...)
}

func (f *Forecast) tenantStates() (list []State) {
	var one State
	for tenant, t := range f.tenants {
		one.Tenants = append(one.Tenants, TenantState{tenant, t.n, t.peaks, t.hinted, t.hints})
		if len(one.Tenants) == pieceThing {
			list, one = append(list, one), State{}
		}
	}
	return append(list, one)
}

func (g regulars) states() (list []State) {
	var one State
	size := 0
	for r, v := range g {
		one.Regulars = append(one.Regulars, v.state(r))
		if size += 1 + len(v.visits); size > pieceSize || len(one.Regulars) == pieceThing {
			list, one, size = append(list, one), State{}, 0
		}
	}
	return append(list, one)
}

func (v *regular) state(r Room) RegularState {
	s := RegularState{Room: r, Server: v.server}
	for _, one := range v.visits {
		s.Starts, s.Peaks = append(s.Starts, one.minute), append(s.Peaks, one.peak)
	}
	for _, h := range v.hours {
		s.Hours = append(s.Hours, HourState{h.start, h.size, h.newest, h.visits})
	}
	return s
}

func (w *week) state() (list []WeekState) {
	for i, slots := range w.slots {
		if slots == nil {
			continue
		}
		one := WeekState{Number: w.of[i], People: make([]uint32, len(slots)), Meetings: make([]uint16, len(slots))}
		for k, c := range slots {
			one.People[k], one.Meetings[k] = c.people, c.meetings
		}
		list = append(list, one)
	}
	return list
}

// Restore adds a piece of what another forecast knew. What is not as State makes it is left out.
func (f *Forecast) Restore(s State) {
	f.restoreRooms(s.Rooms)
	for _, t := range s.Tenants {
		if len(f.tenants) < maxTenants {
			f.tenants[t.Tenant] = &tally{t.Meetings, t.Peaks, t.Came, t.Hints}
		}
	}
	for _, r := range s.Regulars {
		f.regulars[r.Room] = r.restore()
	}
	for _, w := range s.Weeks {
		f.week.restore(w)
	}
}

func (f *Forecast) restoreRooms(numbers []uint64) {
	for len(numbers) >= roomFields {
		r, n := Room(numbers[0]), numbers[3]
		last := &lastTimes{last: uint32(numbers[1]), end: uint32(numbers[2]), n: uint8(n)}
		if numbers = numbers[roomFields:]; n > MaxSessions || n > uint64(len(numbers)) {
			return
		}
		for i, peak := range numbers[:n] {
			last.peaks[i] = uint16(peak)
		}
		numbers = numbers[n:]
		f.rooms[r] = last
	}
}

func (r RegularState) restore() *regular {
	v := &regular{server: r.Server}
	for i := range min(len(r.Starts), len(r.Peaks), maxVisits) {
		v.visits = append(v.visits, visit{r.Starts[i], r.Peaks[i]})
	}
	for day := range min(len(r.Hours), len(v.hours)) {
		h := r.Hours[day]
		v.hours[day] = hour{h.Start, h.Size, h.Newest, h.Visits}
	}
	return v
}

func (w *week) restore(s WeekState) {
	if s.Number < 0 || len(s.People) != weekSlots || len(s.Meetings) != weekSlots {
		return
	}
	slots := w.find(s.Number)
	for k := range slots {
		slots[k] = crowd{s.People[k], s.Meetings[k]}
	}
}
