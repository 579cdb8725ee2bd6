package trustana

import (
	"net/http"
)

// Assumptions of the contract that this file puts into practice:
//
//	TA-1  error envelope {"errorCode": <status>, "message": …}
//	TA-2  prepare answers 200
//	TA-3  skuIds and addToMediaGallery are optional; duplicates or more than 100
//	      are 400; the extension is compared without regard to case
//	TA-4  the URL signs host alone; in strict mode content-type as well
//	TA-5  unknown, not uploaded, in progress and not an image are all one 404
//	TA-6  every prepare is a new session; names are image-<number>-<unix ms>.<ext>;
//	      a PUT after processing changes nothing
//	TA-7  429 with Retry-After; 10 requests a second for each key, burst 20
//	TA-9  the search of attributes, with {}, answers with the success envelope
//	TA-8  no cap on the size below S3's own
const (
	prepareOK  = http.StatusOK                           // TA-2
	notDone    = "Upload not found or not processed yet" // TA-5
	nameFormat = "image-%d-%d.%s"                        // TA-6
	rate       = 10                                      // TA-7
	burst      = 20                                      // TA-7
)
