package catalogue

import (
	"slices"
	"strings"
)

// tables are the parameters of each call, by name.
var tables = map[string][]Parameter{
	Create: table(createKinds, createValues),
	Join:   table(joinKinds, joinValues),
}

// kinds are names by their kind, separated by blanks.
type kinds map[Kind]string

var createKinds = kinds{
	Text: `name meetingID attendeePW moderatorPW welcome dialNumber parentMeetingID moderatorOnlyMessage bannerText bannerColor
		breakoutRoomsCaptureSlidesFilename breakoutRoomsCaptureNotesFilename copyright preUploadedPresentationName
		presentationUploadExternalDescription sharedNotesInitialContentMarkdown notifyRecordingAppend
		meta_server-tag`,
	Boolean: `record isBreakout freeJoin breakoutRoomsEnabled breakoutRoomsPrivateChatEnabled breakoutRoomsRecord
		breakoutRoomsCaptureSlides breakoutRoomsCaptureNotes autoStartRecording allowStartStopRecording
		recordFullDurationMedia notifyRecordingIsOn webcamsOnlyForModerator muteOnStart allowModsToUnmuteUsers
		allowModsToEjectCameras requireUserConsentBeforeUnmuting lockSettingsDisableCam lockSettingsDisableMic
		lockSettingsDisablePrivateChat lockSettingsDisablePublicChat lockSettingsDisableNotes lockSettingsDisableNote
		lockSettingsHideUserList lockSettingsLockedLayout lockSettingsLockOnJoin lockSettingsLockOnJoinConfigurable
		lockSettingsHideViewersCursor lockSettingsHideViewersAnnotation allowPromoteGuestToModerator meetingKeepEvents
		endWhenNoModerator learningDashboardEnabled virtualBackgroundsDisabled allowRequestsWithoutSession
		preUploadedPresentationOverrideDefault presentationConversionCacheEnabled multiUserWhiteboardEnabled
		allowOverrideClientSettingsOnCreateCall meta_bbb-anonymize-chat meta_bbb-anonymize-chat-moderators`,
	Number: `voiceBridge webVoice maxParticipants duration sequence endWhenNoModeratorDelayInMinutes
		meetingExpireIfNoUserJoinedInMinutes meetingExpireWhenLastUserLeftInMinutes
		learningDashboardCleanupDelayInMinutes userCameraCap meetingCameraCap maxPinnedCameras logoutTimer maxNumPages
		meta_bbb-meeting-size-hint`,
	URL: `loginURL logoutURL logo darklogo preUploadedPresentation presentationUploadExternalUrl pluginManifestsFetchUrl
		clientSettingsOverrideJsonUrl sharedNotesInitialContentJsonUrl sharedNotesInitialContentMarkdownUrl
		meetingEndedURL`,
	JSON: `groups pluginManifests clientSettingsOverride`,
	List: `disabledFeatures disabledFeaturesExclude meta_bbb-disable-recording-formats`,
	Enum: `guestPolicy meetingLayout cameraBridge screenShareBridge audioBridge sharedNotesEditor
		lockSettingsPresenterPolicy`,
}

var joinKinds = kinds{
	Text: `fullName meetingID password userID firstName lastName defaultLayout webVoiceConf configToken existingUserID
		replaceSessionToken sessionName userdata-bbb_client_title userdata-bbb_override_default_locale
		userdata-bbb_record_permission_tooltip userdata-bbb_shortcuts userdata-bbb_preferred_camera_profile
		userdata-bbb_fullaudio_bridge userdata-bbb_presenter_tools userdata-bbb_multi_user_tools
		userdata-bbb_initial_selected_tool userdata-bbb_custom_style userdata-bbb_default_layout
		userdata-bbb_parent_room_moderator`,
	Boolean: `redirect guest auth bot excludeFromDashboard joinViaHtml5 userdata-bbb_ask_for_feedback_on_logout
		userdata-bbb_auto_join_audio userdata-bbb_force_listen_only userdata-bbb_listen_only_mode
		userdata-bbb_skip_check_audio userdata-bbb_skip_check_audio_on_first_join
		userdata-bbb_skip_echotest_if_previous_device userdata-bbb_direct_leave_button userdata-bbb_record_permission
		userdata-bbb_show_session_details_on_join userdata-bbb_display_branding_area userdata-bbb_auto_share_webcam
		userdata-bbb_enable_video userdata-bbb_record_video userdata-bbb_skip_video_preview
		userdata-bbb_skip_video_preview_on_first_join userdata-bbb_skip_video_preview_if_previous_device
		userdata-bbb_mirror_own_webcam userdata-bbb_transparent_listen_only
		userdata-bbb_force_restore_presentation_on_new_events userdata-bbb_multi_user_pen_only
		userdata-bbb_prefer_dark_theme userdata-bbb_auto_swap_layout userdata-bbb_hide_presentation
		userdata-bbb_hide_presentation_on_join userdata-bbb_show_participants_on_login
		userdata-bbb_show_public_chat_on_login userdata-bbb_hide_nav_bar userdata-bbb_hide_actions_bar
		userdata-bbb_hide_notifications userdata-bbb_hide_controls`,
	Number: `createTime`,
	URL:    `avatarURL webcamBackgroundURL errorRedirectUrl logoutURL userdata-bbb_custom_style_url`,
	Enum:   `role enforceLayout`,
}

// The layouts of all releases; 4.0 has lost some.
var layouts = words(`CUSTOM_LAYOUT SMART_LAYOUT PRESENTATION_FOCUS VIDEO_FOCUS UNIFIED_LAYOUT CAMERAS_ONLY
	PARTICIPANTS_AND_CHAT_ONLY PARTICIPANTS_CHAT_ONLY PRESENTATION_ONLY MEDIA_ONLY PLUGINS_ONLY`)

// features are what can be disabled.
var features = words(`breakoutRooms captions chat privateChat deleteChatMessage editChatMessage replyChatMessage
	chatMessageReactions downloadPresentationWithAnnotations downloadPresentationConvertedToPdf
	downloadPresentationOriginalFile snapshotOfCurrentSlide externalVideos
	importPresentationWithAnnotationsFromBreakoutRooms importSharedNotesFromBreakoutRooms layouts learningDashboard
	learningDashboardDownloadSessionData polls screenshare sharedNotes virtualBackgrounds customVirtualBackgrounds
	liveTranscription presentation cameraAsContent timer infiniteWhiteboard raiseHand userReactions chatEmojiPicker
	quizzes plugins slidePreloading pinChatMessage multiFunctionalMode webcamGrid chatImagePaste whiteboardImagePaste
	sharedNotesImagePaste`)

var bridges = words("bbb-webrtc-sfu livekit")

// createValues are the known values of enums and lists.
var createValues = map[string]Parameter{
	"guestPolicy":                 {Values: words("ALWAYS_ACCEPT ALWAYS_DENY ASK_MODERATOR ALWAYS_ACCEPT_AUTH")},
	"meetingLayout":               {Values: layouts, Open: true},
	"cameraBridge":                {Values: bridges, Open: true},
	"screenShareBridge":           {Values: bridges, Open: true},
	"audioBridge":                 {Values: append(words("freeswitch"), bridges...), Open: true},
	"sharedNotesEditor":           {Values: words("etherpad blockNote"), Fold: true},
	"lockSettingsPresenterPolicy": {Values: words("moderatorOnly requireApproval freeForAll"), Open: true},
	"disabledFeatures":            {Values: features},
	"disabledFeaturesExclude":     {Values: features},
}

var joinValues = map[string]Parameter{
	"role":          {Values: words("MODERATOR VIEWER"), Fold: true},
	"enforceLayout": {Values: layouts, Open: true},
}

// table makes one of the kinds and the values of a call's parameters.
func table(k kinds, values map[string]Parameter) (list []Parameter) {
	for kind, names := range k {
		for _, name := range words(names) {
			p := values[name]
			p.Name, p.Kind = name, kind
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Parameter) int { return byName(a, b.Name) })
	return list
}

func byName(p Parameter, name string) int { return strings.Compare(p.Name, name) }

func words(text string) []string { return strings.Fields(text) }
