package past

import (
	"fmt"
	"slices"
)

// Beyond says what no command here can reach, and where to look for it.
func Beyond(r Report, deleted bool) []string {
	list := []string{
		"backups and snapshots of the data directory, and copies of the recordings: they keep what they had; restored, they bring " +
			"it back",
		"who did what in meetings, where that is kept, is not searched through: it goes with its meeting, --meeting, or when " +
			"--analytics-keep is over; what front ends were told they have",
		"logs that were written or shipped already, of bbbpool and of the proxy in front of it: journalctl -u bbbpool, and wherever " +
			"they go; the meetingIDs, tenants and addresses of requests are in them",
		"the front ends, which know the person by name and hand out the links: Moodle, Greenlight and the like have commands of " +
			"their own",
	}
	if servers := madeBy(r); len(servers) > 0 {
		list = append(list, fmt.Sprintf("the disks of the BigBlueButton servers %v, with the raw material and the logs of the "+
			"meetings: bbb-record --list, and bbb-record --delete RECORDID, on each of them", servers))
	} else {
		list = append(list, "the disks of the BigBlueButton servers, with raw material and logs of meetings: bbb-record --list, and "+
			"bbb-record --delete RECORDID, on each of them")
	}
	if !deleted {
		list = append(list, "what recordings show and say: films, slides, chat, captions, notes, and the metadata.xml beside them; "+
			"--recordings deletes the recordings that were found, and no others can be found by what is in their films")
	}
	return append(list,
		"archives of recordings that wait in the spool or in quarantine, or are still to come: bbbpool recording jobs",
		"caches of browsers and of proxies, and copies that viewers have made")
}

// madeBy are the servers that have made the recordings that were found.
func madeBy(r Report) (servers []string) {
	for _, one := range r.Recordings {
		if one.Server != "" {
			servers = append(servers, one.Server)
		}
	}
	slices.Sort(servers)
	return slices.Compact(servers)
}
