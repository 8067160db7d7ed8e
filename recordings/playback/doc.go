// Package playback serves recordings to the people who watch them, and answers for every byte of them: what is not
// plainly allowed is refused. Who may not see a protected recording is told that it is protected, and how it opens; all
// other refusals look the same, whatever the reason, so that nobody learns of what does not play.
//
// Bytes are given out if the recording is published, the format is one of its formats, the file is there, and the
// recording is not protected or the viewer carries a cookie for this recording and this format. A protected recording
// is opened with a link that works once, for a while: it is made without writing anything, spent when it is followed,
// and exchanged for the cookie. A format may start among the files of another one: then its link and its cookie open what
// it is made of there, and no more. Ranges, conditional requests and HEAD go through the same gate.
//
//	/<format>/<recordID>/…                   the files
//	/recording/<recordID>/<format>?token=…   the way in: to where the format starts, with a cookie if need be; a file
//	                                         that is named behind the format is sent at once
//	/playback/<format>/<recordID>/…          older addresses of the files, and
//	/recording/<format>/<recordID>/…         others of them
//	/playback/presentation/<version>/…       BigBlueButton's own player, if it is here; it is nobody's secret
//
// Files go out as they are, but for the description of a recording (metadata.xml). One that is older than the player is
// completed by what that looks for; where the server knew the meeting by another ID than its front end, it shows that of the
// front end; and what the pool has marked the meeting with is not in it. One that nobody can look into, because it is larger
// than a megabyte, or in an encoding that has ASCII in other bytes, as UTF-16, goes out as its server wrote it: its viewers may
// then see the ID of their own tenant.
//
// The package writes no file but the key that it signs with, changes no record, and never redirects to an address that
// somebody else has composed.
package playback
