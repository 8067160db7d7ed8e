package recorded

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
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// File is a file of a format of a recording.
type File struct {
	Name    string
	Content []byte
}

// Files returns what a format consists of, metadata.xml first. Links in it start at an origin.
func (r *Recording) Files(format, origin string) []File {
	media := r.media(format)
	return append([]File{{"metadata.xml", r.metadata(format, origin, sizeOf(media))}}, media...)
}

func sizeOf(files []File) (bytes int64) {
	for _, f := range files {
		bytes += int64(len(f.Content))
	}
	return bytes
}

// media returns a page that plays a sound, and what goes with it.
func (r *Recording) media(format string) []File {
	sound := "audio/audio.wav"
	if format == "podcast" {
		sound = "audio.wav"
	}
	page := `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>` + escaped(r.Name) + `</title></head>
<body><h1>` + escaped(r.Name) + `</h1><p>A simulated recording.</p>
<audio controls src="` + sound + `"></audio></body></html>
`
	files := []File{{"index.html", []byte(page)}, {sound, tone()}}
	if format == "presentation" {
		files = append(files,
			File{thumbnail(r.ID), slide()},
			File{"shapes.svg", []byte("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"svgfile\"/>\n")})
		files = append(files, r.today()...)
	}
	return files
}

// today returns the files of a presentation that older releases do not have. What was pasted into the chat is found by a path
// that starts at the root of the host, so its name says which recording it belongs to.
func (r *Recording) today() []File {
	const captions = "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nA tone.\n"
	pasted := "file-uploads/" + rooms.SHA1("pasted " + r.ID)[:16] + ".png"
	chat := `<?xml version="1.0"?>` + "\n" + `<popcorn><chattimeline in="0" direction="down" name="You" ` +
		`message="&lt;img src=&quot;/presentation/` + r.ID + `/` + pasted + `&quot;&gt;" target="chat"/></popcorn>` + "\n"
	return []File{
		{"slides_new.xml", []byte(chat)},
		{"layout.xml", []byte("<?xml version=\"1.0\"?>\n<recording><layouts/></recording>\n")},
		{"captions.json", []byte(`[{"localeName":"English","locale":"en"}]` + "\n")},
		{"caption_en.vtt", []byte(captions)},
		{pasted, slide()},
	}
}

func thumbnail(id string) string {
	return "presentation/" + rooms.SHA1(id) + "-1/thumbnails/thumb-1.png"
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

// Archive writes a recording into a directory as Scalelite's transfer script does: one tar of all formats, under
// another name until it is whole.
func (r *Recording) Archive(dir, origin string) (err error) {
	temp, err := os.CreateTemp(dir, "."+r.ID+".tar.")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temp.Close()
			_ = os.Remove(temp.Name())
		}
	}()
	if err := r.writeArchive(temp, origin); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), filepath.Join(dir, r.ID+".tar"))
}

func (r *Recording) writeArchive(w io.Writer, origin string) error {
	t := tar.NewWriter(w)
	directory := func(name string) error {
		return t.WriteHeader(&tar.Header{
			Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: r.End.Truncate(time.Second),
		})
	}
	for _, format := range r.Formats {
		root := format.Name + "/" + r.ID
		if err := directory(root); err != nil {
			return err
		}
		for _, f := range r.Files(format.Name, origin) {
			h := &tar.Header{
				Typeflag: tar.TypeReg, Name: root + "/" + f.Name, Mode: 0o644, Size: int64(len(f.Content)),
				ModTime: r.End.Truncate(time.Second),
			}
			if err := t.WriteHeader(h); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
			if _, err := t.Write(f.Content); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
	return t.Close()
}
