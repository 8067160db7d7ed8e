package recordingcalls

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxCueLines bounds the lines of a text track.
const maxCueLines = 200_000

var (
	// cueTime is the line of SRT, or of its many dialects, that tells when a text is shown.
	cueTime = regexp.MustCompile(`^\s*(\d{1,3}):(\d{2}):(\d{2})[,.](\d{1,3})\s*-->\s*(\d{1,3}):(\d{2}):(\d{2})[,.](\d{1,3})(\s.*)?$`)
	// fonts are tags of SRT that WebVTT has not.
	fonts = regexp.MustCompile(`(?i)</?font[^>]*>`)
)

// webVTT makes WebVTT of what was uploaded: that already, or SRT. It is in UTF-8, its lines end as on Unix.
func webVTT(file []byte) (vtt []byte, ok bool) {
	if len(file) > maxTrack {
		return nil, false
	}
	text := strings.TrimPrefix(utf8Of(file), "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(text)
	if strings.Count(text, "\n") > maxCueLines {
		return nil, false
	}
	if rest, vtt := strings.CutPrefix(text, "WEBVTT"); vtt && (rest == "" || strings.ContainsAny(rest[:1], " \t\n")) {
		return []byte(text), strings.Contains(rest, "-->")
	}
	return fromSRT(text)
}

// fromSRT makes WebVTT of SRT.
func fromSRT(text string) (vtt []byte, ok bool) {
	var b strings.Builder
	b.WriteString("WEBVTT\n\n")
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, " \t\n")
		if m := cueTime.FindStringSubmatch(line); m != nil {
			ok = true
			line = clock(m[1:5]) + " --> " + clock(m[5:9])
		} else {
			line = strings.ReplaceAll(fonts.ReplaceAllString(line, ""), "-->", "→")
		}
		b.WriteString(line + "\n")
	}
	return []byte(b.String()), ok
}

// clock writes hours, minutes, seconds and their fraction as WebVTT has them.
func clock(part []string) string {
	hours := part[0]
	if len(hours) == 1 {
		hours = "0" + hours
	}
	fraction := part[3] + strings.Repeat("0", 3-len(part[3]))
	return hours + ":" + part[1] + ":" + part[2] + "." + fraction
}

// utf8Of reads a text that is in UTF-8 or, as old ones are, in ISO-8859-1.
func utf8Of(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return string(out)
}

// languageNames are what viewers choose a text track by that was uploaded without a label.
var languageNames = map[string]string{
	"ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
	"en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French",
	"gl": "Galician", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian",
	"it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "nb": "Norwegian Bokmål",
	"nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
	"sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
	"uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}

// languageName is the name of a language, with its variant as it came.
func languageName(lang string) string {
	language, variant, _ := strings.Cut(lang, "-")
	name, ok := languageNames[strings.ToLower(language)]
	switch {
	case !ok:
		return lang
	case variant != "":
		return name + " (" + variant + ")"
	}
	return name
}
