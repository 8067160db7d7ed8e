package playback

import (
	"path"
	"strings"
)

// presentation is the format that BigBlueButton's player plays.
const presentation = "presentation"

// index is the page at which a directory starts.
const index = "index.html"

// media is how files of one kind are sent.
type media struct {
	mime    string
	lasting bool // stays as it is: it may be kept for a while
	text    bool // worth compressing
	scripts bool // a browser would run scripts in it, if it were opened by itself
}

// unknown is what a browser must not guess about: it saves it.
var unknown = media{mime: "application/octet-stream"}

// kinds are the files that recordings and players are made of. The table of the operating system is not asked: what is
// served must not depend on the machine.
var kinds = map[string]media{
	".html":  {mime: "text/html; charset=utf-8", text: true, scripts: true},
	".htm":   {mime: "text/html; charset=utf-8", text: true, scripts: true},
	".svg":   {mime: "image/svg+xml; charset=utf-8", text: true, scripts: true},
	".xml":   {mime: "text/xml; charset=utf-8", text: true, scripts: true},
	".xhtml": {mime: "application/xhtml+xml; charset=utf-8", text: true, scripts: true},
	".js":    {mime: "text/javascript; charset=utf-8", text: true},
	".mjs":   {mime: "text/javascript; charset=utf-8", text: true},
	".css":   {mime: "text/css; charset=utf-8", text: true},
	".json":  {mime: "application/json", text: true},
	".map":   {mime: "application/json", text: true},
	".vtt":   {mime: "text/vtt; charset=utf-8", text: true},
	".srt":   {mime: "text/plain; charset=utf-8", text: true},
	".txt":   {mime: "text/plain; charset=utf-8", text: true},
	".csv":   {mime: "text/csv; charset=utf-8", text: true},
	".md":    {mime: "text/plain; charset=utf-8", text: true},
	".wasm":  {mime: "application/wasm", text: true},

	".webm": {mime: "video/webm", lasting: true},
	".mp4":  {mime: "video/mp4", lasting: true},
	".m4v":  {mime: "video/mp4", lasting: true},
	".mov":  {mime: "video/quicktime", lasting: true},
	".mkv":  {mime: "video/x-matroska", lasting: true},
	".m3u8": {mime: "application/vnd.apple.mpegurl"},
	".mpd":  {mime: "application/dash+xml"},
	".m4s":  {mime: "video/iso.segment", lasting: true},
	".ts":   {mime: "video/mp2t", lasting: true},
	".ogv":  {mime: "video/ogg", lasting: true},
	".ogg":  {mime: "audio/ogg", lasting: true},
	".oga":  {mime: "audio/ogg", lasting: true},
	".opus": {mime: "audio/ogg", lasting: true},
	".mp3":  {mime: "audio/mpeg", lasting: true},
	".m4a":  {mime: "audio/mp4", lasting: true},
	".wav":  {mime: "audio/wav", lasting: true},
	".flac": {mime: "audio/flac", lasting: true},

	".png":  {mime: "image/png", lasting: true},
	".jpg":  {mime: "image/jpeg", lasting: true},
	".jpeg": {mime: "image/jpeg", lasting: true},
	".gif":  {mime: "image/gif", lasting: true},
	".webp": {mime: "image/webp", lasting: true},
	".avif": {mime: "image/avif", lasting: true},
	".bmp":  {mime: "image/bmp", lasting: true},
	".ico":  {mime: "image/x-icon", lasting: true},

	".woff":  {mime: "font/woff", lasting: true},
	".woff2": {mime: "font/woff2", lasting: true},
	".ttf":   {mime: "font/ttf", lasting: true},
	".otf":   {mime: "font/otf", lasting: true},

	".pdf": {mime: "application/pdf", lasting: true},
	".zip": {mime: "application/zip", lasting: true},
	".gz":  {mime: "application/gzip"},
}

// mediaOf tells how a file is sent, by its name.
func mediaOf(name string) media {
	if m, ok := kinds[strings.ToLower(path.Ext(name))]; ok {
		return m
	}
	return unknown
}

// inline are the formats that are watched or heard where they are. The files of all others are there to be saved, as
// with Scalelite: notes, captures, statistics.
var inline = map[string]bool{presentation: true, "video": true, "screenshare": true, "podcast": true}
