package simulator

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// file is a file of a format of a recording. All are small and made when they are asked for.
type file struct {
	name    string
	content []byte
}

// files returns what a format of a recording consists of, metadata.xml first.
func (s *Server) files(r *recording, format string) []file {
	media := mediaFiles(r, format)
	return append([]file{{"metadata.xml", s.metadata(r, format, sizeOf(media))}}, media...)
}

func sizeOf(files []file) (bytes int64) {
	for _, f := range files {
		bytes += int64(len(f.content))
	}
	return bytes
}

// mediaFiles returns a page that plays a sound, and what goes with it.
func mediaFiles(r *recording, format string) []file {
	sound := "audio/audio.wav"
	if format == "podcast" {
		sound = "audio.wav"
	}
	page := `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>` + escaped(r.name) + `</title></head>
<body><h1>` + escaped(r.name) + `</h1><p>A simulated recording.</p>
<audio controls src="` + sound + `"></audio></body></html>
`
	files := []file{{"index.html", []byte(page)}, {sound, tone()}}
	if format == "presentation" {
		files = append(files,
			file{thumbnail(r.id), slide()},
			file{"slides_new.xml", []byte("<?xml version=\"1.0\"?>\n<popcorn/>\n")},
			file{"shapes.svg", []byte("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"svgfile\"/>\n")})
	}
	return files
}

func thumbnail(id string) string {
	return "presentation/" + sha1hex(id) + "-1/thumbnails/thumb-1.png"
}

// tone is half a second of 440 Hz as WAV: 8 bits, 8 kHz, mono.
func tone() []byte {
	const rate, samples = 8000, 4000
	var b bytes.Buffer
	le := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a buffer takes everything
	b.WriteString("RIFF")
	le(uint32(36 + samples))
	b.WriteString("WAVEfmt ")
	le(uint32(16))      // length of the format
	le([2]uint16{1, 1}) // PCM, one channel
	le([2]uint32{rate, rate})
	le([2]uint16{1, 8}) // bytes for a sample, bits
	b.WriteString("data")
	le(uint32(samples))
	for i := range samples {
		b.WriteByte(byte(128 + 60*math.Sin(2*math.Pi*440*float64(i)/rate)))
	}
	return b.Bytes()
}

// slide is a thumbnail of an empty slide.
func slide() []byte {
	const width, height = 176, 136
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.Gray{Y: 0x99}})
	for x := range width {
		img.SetColorIndex(x, 0, 1)
		img.SetColorIndex(x, height-1, 1)
	}
	for y := range height {
		img.SetColorIndex(0, y, 1)
		img.SetColorIndex(width-1, y, 1)
	}
	var b bytes.Buffer
	_ = png.Encode(&b, img) // a buffer takes everything
	return b.Bytes()
}

// metadata is the metadata.xml of a format.
func (s *Server) metadata(r *recording, format string, size int64) []byte {
	attr := func(name, value string) string { return " " + name + `="` + escaped(value) + `"` }
	raw := func(x *bbb.Builder, text string) { x.Raw([]byte(text)) }
	x := &bbb.Builder{}
	raw(x, "<?xml version=\"1.0\"?>\n")
	x.Open("recording").Text("id", r.id).Text("state", r.state).Bool("published", r.state == statePublished).
		Text("start_time", milliseconds(r.start)).Text("end_time", milliseconds(r.end)).
		Int("participants", int64(r.participants))
	raw(x, "<meeting"+attr("id", r.id)+attr("externalId", r.meetingID)+attr("name", r.name)+
		attr("breakout", strconv.FormatBool(r.breakout))+"/>")
	if r.breakout {
		raw(x, "<breakout"+attr("parentMeetingId", r.parent)+attr("sequence", strconv.Itoa(r.sequence))+
			attr("meetingId", r.id)+"/>")
	} else {
		raw(x, "<breakout/>")
	}
	raw(x, "<breakoutRooms/>")
	x.Open("meta")
	renderPairs(x, r.meta)
	x.Close("meta").Open("playback").Text("format", format).Text("link", s.origin+link(format, r.id)).
		Int("processing_time", processingTime.Milliseconds()).Int("duration", r.end.Sub(r.start).Milliseconds()).
		Int("size", size)
	if format == "presentation" {
		x.Open("extensions").Open("preview").Open("images")
		raw(x, `<image`+attr("width", "176")+attr("height", "136")+attr("alt", "Welcome to "+r.name)+`>`+
			escaped(s.origin+"/presentation/"+r.id+"/"+thumbnail(r.id))+`</image>`)
		x.Close("images").Close("preview").Close("extensions")
	}
	x.Close("playback").Int("raw_size", rawSize).Close("recording")
	return append(x.Fragment(), '\n')
}

// archive writes a recording into a directory as Scalelite's transfer script does: one tar of all formats, under
// another name until it is whole.
func (s *Server) archive(dir string, r *recording) (err error) {
	temp, err := os.CreateTemp(dir, "."+r.id+".tar.")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temp.Close()
			_ = os.Remove(temp.Name())
		}
	}()
	if err := s.writeArchive(temp, r); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), filepath.Join(dir, r.id+".tar"))
}

func (s *Server) writeArchive(w io.Writer, r *recording) error {
	t := tar.NewWriter(w)
	directory := func(name string) error {
		return t.WriteHeader(&tar.Header{
			Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: r.end.Truncate(time.Second),
		})
	}
	for _, format := range r.formats {
		root := format.name + "/" + r.id
		if err := directory(root); err != nil {
			return err
		}
		for _, f := range s.files(r, format.name) {
			h := &tar.Header{
				Typeflag: tar.TypeReg, Name: root + "/" + f.name, Mode: 0o644, Size: int64(len(f.content)),
				ModTime: r.end.Truncate(time.Second),
			}
			if err := t.WriteHeader(h); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
			if _, err := t.Write(f.content); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
	return t.Close()
}
