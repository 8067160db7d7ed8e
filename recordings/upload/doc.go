// Package upload takes the archives of recordings from the servers over HTTP, and hands out the script that sends them.
//
// An upload may break off at any byte, and go on there; it may be repeated at any time, and costs nothing where the
// archive is known already. Nothing is unpacked here: a whole archive with the right digest, safe on the disk, is given
// to [Handler.Accept], and the sender is told that it is here only after that.
//
// # Protocol
//
// Every request carries the server's token ([Token]): "Authorization: Bearer TOKEN". Names are those of archives
// (.tar, .tar.gz, .tgz, .tar.zst), lengths are bytes, digests are SHA-256 in hexadecimal.
//
//	GET /api/v1/recordings/upload?name=ID.tar&length=N&sha256=HEX
//
// tells what is here: {"offset":M,"complete":false,"state":"partial"}. The state is "absent", "partial" or "uploading"
// (another connection is at it, or another server has sent it and it is not imported yet); or, with "complete":true, that
// of the import. Whatever would make the upload fail is said here already, before any byte is sent for nothing.
//
//	POST /api/v1/recordings?name=ID.tar&length=N&sha256=HEX&offset=M
//
// sends the bytes from M on as the body: the rest, or a piece of it. The answers are
//
//	201, 200  {"offset":N,"complete":true,"state":"waiting"}: the archive is here; 200 if it was so before
//	202       {"offset":M,"complete":false,"state":"partial"}: the piece is here; send what follows
//	400       the request is wrong, or the connection broke
//	411, 415  there is no length, or the body is called something else than an archive
//	401       the token is wrong, or of a server that is not in the pool
//	408       less than 256 KiB came in a minute; "offset" tells from where to go on
//	409       the offset is not what is here; "offset" tells what is
//	413       the archive is larger than --max-upload
//	422       the archive has another digest or length than was told, and was dropped: send it again from 0
//	423       another connection sends this archive; or another server has, and it is not imported yet
//	503       too many uploads, of all or of this server; or the pool is about to restart, or cannot take the archive over
//	507       there is no room, or too much of this server is on its way
//
// Those from 423 on come with Retry-After, and are worth another try. Errors are {"error":"what to do","code":"word"}.
// What has arrived of an archive is kept for a week ([Handler.Sweep]).
//
// One server leaves place for others: it has at most a quarter of the uploads under way (--max-uploads), what it has
// announced holds at most half of the room, and it has at most 50 archives unfinished, of twice --max-upload together.
// Beyond that, the one that it has not gone on with for longest is dropped for the next.
//
// Without sha256 an archive is sent in one go, and cannot be gone on with:
//
//	curl -X POST -T ID.tar -H "Authorization: Bearer TOKEN" "https://pool.example.org/api/v1/recordings?name=ID.tar"
//
// # Design
//
// What counts of a part is its checkpoint, a small file beside it with the offset up to which the part is safe on the
// disk and the state of the digest there. Bytes behind it are cut off before an upload goes on, so that a crash can
// leave nothing in a part that was not received, and nothing is read twice.
package upload
