package truvideo

import (
	"net/http"
)

// Assumptions of the contract that the files truvideo*.go put into practice:
//
//	TV-1  fileType is compared without regard to case; an unknown one is 400
//	TV-2  expiresAt is ISO 8601 in UTC; start hands out all URLs unless capped
//	TV-3  GET /upload/{id}/parts?count=N gives fresh URLs for the lowest numbers
//	      that storage does not have, up to amountOfParts
//	TV-4  complete answers 202 with uploadId, mediaId and status, again while it is
//	      pending or completed, 400 after FAILED; missing, double or wrongly
//	      counted numbers are 400, a wrong ETag or a short part ends in FAILED;
//	      GET lists {partNumber, eTag}; PARTIAL with the first part
//	TV-5  completion takes 1 s; sessions live 24 h, then 400
//	TV-6  every start is a new session; a 401 makes nothing; an unknown uploadId
//	      is 400; no rate limit
const (
	anyCase        = true                   // TV-1
	timeFormat     = "2006-01-02T15:04:05Z" // TV-2
	partsMost      = 10_000                 // TV-3
	completeStatus = http.StatusAccepted    // TV-4
	processing     = 1                      // TV-5, seconds
	sessionLife    = 24 * 3600              // TV-5, seconds
	unknown        = http.StatusBadRequest  // TV-6
)
