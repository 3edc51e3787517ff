// WebRTC is off in this project; undefined exports make webtorrent report WEBRTC_SUPPORT === false.
export const RTCPeerConnection = undefined
export const RTCSessionDescription = undefined
export const RTCIceCandidate = undefined
