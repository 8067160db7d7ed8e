package bbb

import (
	"cmp"
	"net/http"
)

// Error is an answer with returncode FAILED. Front ends go by the key; the message is for people.
type Error struct {
	Key     string
	Message string
	Status  int  // of HTTP; 0 is 200, where client libraries look for a FAILED
	Listed  bool // it stands in a list of errors, as BigBlueButton says what it finds while it creates a meeting
}

// Error returns key and message.
func (e *Error) Error() string { return cmp.Or(e.Key, "failed") + ": " + e.Message }

// The errors that BigBlueButton itself and the balancers of the field answer with, in their words.
var (
	ErrChecksum = &Error{Key: "checksumError", Message: "Checksums do not match"}
	// ErrRecordingsChecksum is how the recording calls say it.
	ErrRecordingsChecksum = &Error{Key: "checksumError", Message: "You did not pass the checksum security check"}
	ErrContentType        = &Error{
		Key: "unsupportedContentType", Message: "POST request Content-Type is missing or unsupported",
	}
	ErrUnsupported = &Error{Key: "unsupportedRequest", Message: "This request is not supported."}
	ErrMethod      = &Error{
		Key: "unsupportedRequest", Message: "This request does not support that HTTP method.",
		Status: http.StatusMethodNotAllowed,
	}
	ErrTooLarge = &Error{Key: "requestTooLarge", Message: "The request body is larger than this server accepts"}
	ErrInternal = &Error{Key: "internalError", Message: "Internal error."}

	ErrMissingMeetingID = &Error{Key: "missingParamMeetingID", Message: "You must provide a meeting ID"}
	ErrMeetingIDSize    = &Error{Key: "sizeError", Message: "Meeting ID must be between 2 and 256 characters"}
	ErrMeetingIDComma   = &Error{Key: "validationError", Message: "Meeting ID cannot contain ','"}
	ErrMissingName      = &Error{Key: "emptyError", Message: "You must provide a meeting name"}
	ErrNameSize         = &Error{Key: "sizeError", Message: "Meeting name must be between 2 and 256 characters"}
	ErrMissingFullName  = &Error{Key: "missingParamFullName", Message: "You must provide your name"}
	ErrMissingRecordID  = &Error{Key: "missingParamRecordID", Message: "You must specify a recordID."}
	ErrMissingPublish   = &Error{Key: "missingParamPublish", Message: "You must specify a publish value true or false."}
	ErrMeetingNotFound  = &Error{Key: "notFound", Message: "A meeting with that ID does not exist"}
	ErrNotUnique        = &Error{
		Key:     "idNotUnique",
		Message: "A meeting already exists with that meeting ID.  Please use a different meeting ID.",
	}
	ErrJoinUnknown       = &Error{Key: "invalidMeetingIdentifier", Message: ErrMeetingNotFound.Message}
	ErrChatUnknown       = &Error{Key: "meetingNotFound", Message: "Meeting not found"}
	ErrRecordingNotFound = &Error{Key: "notFound", Message: "We could not find recordings"}
	ErrUnavailable       = &Error{
		Key:     "serverUnavailable",
		Message: "No server can take this meeting at the moment. Please try again in a few seconds.",
	}
)
