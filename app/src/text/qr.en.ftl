# The QR of an enrolment code. The keys are qr.ja.ftl's.
qr-pick = Choose a picture of the QR code
qr-reading = Reading the QR code…
qr-read = The enrolment code was read from the QR code.
qr-error-large = The picture is too large (at most { $mb } MB and { $side } pixels a side). Take it again at a smaller size, or take a screenshot.
qr-error-kind = This kind of picture (HEIC, for one) cannot be read. Choose a JPEG, PNG or WebP, or a screenshot of it.
qr-error-damaged = The picture is damaged or cut off. Choose it again, or take it again.
qr-error-none = No QR code could be read in the picture. Take it again from the front, sharp, with the whole code in it.
qr-error-several = The picture shows enrolment codes that differ. Take it again with only one of them in it.
qr-error-other = This QR code is no enrolment code of Tsutsuji. Choose the one that the manager gave you.
