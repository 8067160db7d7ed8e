package redis

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/bbbpool/bbbpool/store"
)

// Observation is what was seen of a server, in Scalelite's words. It is no record: nobody here reads it again.
type Observation struct {
	Server         string
	Online         bool
	Load           float64 // negative where it is not known
	Meetings       int
	Users          int
	LargestMeeting int
	Videos         int
	Version        string // of BigBlueButton; "" leaves what is there
}

// The fields and keys that Scalelite observes.
const (
	meetingsField  = "meetings"
	usersField     = "users"
	largestField   = "largest_meeting"
	videosField    = "videos"
	versionField   = "bbb_version"
	healthyField   = "healthy_counter"
	unhealthyField = "unhealthy_counter"
)

// Observed writes what was seen of servers where Scalelite keeps it, so that it can take over. It is for when a server's state
// has changed, and for when the pool is handed over, and never for each look at a server. It needs the lease.
func (db *DB) Observed(ctx context.Context, list []Observation) error {
	return db.within(ctx, 1, "write what was seen of servers", func(ctx context.Context) error {
		for _, o := range list {
			if checkKey([]byte(o.Server)) != nil {
				continue
			}
			reads := serverReads(db, []byte(o.Server))
			err := db.change(ctx, guard{fenced: true}, reads, func(list []any) (c commands, err error) {
				db.putObserved(&c, o, serverImage(list))
				return c, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// putObserved writes what has changed, of a server that is there.
func (db *DB) putObserved(c *commands, o Observation, i image) {
	if !i.member || len(i.fields) == 0 {
		return
	}
	fresh := [][2]string{
		{onlineField, strconv.FormatBool(o.Online)},
		{meetingsField, strconv.Itoa(o.Meetings)},
		{usersField, strconv.Itoa(o.Users)},
		{largestField, strconv.Itoa(o.LargestMeeting)},
		{videosField, strconv.Itoa(o.Videos)},
		{versionField, o.Version},
	}
	for _, f := range fresh {
		if now, ok := i.fields[f[0]]; (!ok || now != f[1]) && (f[0] != versionField || f[1] != "") {
			c.add("HSET", db.key(serverPrefix)+o.Server, f[0], f[1])
		}
	}
	if i.fields[onlineField] != strconv.FormatBool(o.Online) && !reserved(o.Server) {
		c.add("HSET", db.key(o.Server), healthyField, "0", unhealthyField, "0")
	}
	db.putLoad(c, o, stateOf(i.fields[stateField]))
}

// putLoad puts the load where servers of its state have it; one that is not known is nowhere.
func (db *DB) putLoad(c *commands, o Observation, state store.ServerState) {
	load, cordoned := db.key(loadKey), db.key(cordonedKey)
	into := map[store.ServerState]string{store.Enabled: load, store.Cordoned: cordoned}[state]
	for _, key := range []string{load, cordoned} {
		if key == into && o.Online && o.Load >= 0 && !math.IsInf(o.Load, 0) {
			c.add("ZADD", key, strconv.FormatFloat(o.Load, 'f', -1, 64), o.Server)
		} else {
			c.add("ZREM", key, o.Server)
		}
	}
}

// reserved tells whether a server's ID is a key that has another meaning: Scalelite counts in a key of that name.
func reserved(id string) bool {
	return slices.Contains([]string{
		serversKey, enabledKey, loadKey, cordonedKey, meetingsKey, voicesKey, tenantsKey,
	}, id)
}
