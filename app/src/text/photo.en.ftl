# Photos. The keys are photo.ja.ftl's.
photo-section = Photos
photo-title = Photos
photo-hint = Ask for consent first. Place and phone are stripped from the picture, and it is sealed on this device.
photo-pick = Take or choose a photo
photo-new = New photo
photo-chosen-alt = The chosen photo
photo-untaken = Not in the note yet.
photo-site = Body site (required)
photo-sites = Sacrum|Coccyx|Ischium|Greater trochanter|Heel|Toes|Around the gastrostomy|Around the stoma
photo-caption = Caption (optional)
photo-consent = The patient, or whoever may say it for them, agreed to this photo (required)
photo-take = Put into the note
photo-dismiss = Leave this photo out
photo-alt = Photo { $site } { $time }
photo-time-unknown = time unknown
photo-by = Taken by { $staff }
photo-no-consent = No consent recorded
photo-unsent = Saved on device, unsent
photo-received = Received by hub
photo-read = Saved on device
photo-not-here = Not on this device
photo-fetch = Read from the hub
photo-fetching = Reading…
photo-unreadable = This photo cannot be shown. It was left as it is. Tell the manager.
photo-ulcer = To the ulcer's score (DESIGN-R)
photo-left = { $n ->
    [one] 1 unsent photo
   *[other] { $n } unsent photos
}
photo-line = Sending photos
photo-line-free = Wi-Fi only
photo-line-any = Mobile data too
photo-line-hint = Photos go after the notes. Until then they stay on this device.
photo-error-large = The photo is too large (at most { $n } MB). Take it again at a smaller size.
photo-error-kind = This cannot be read as a photo. Choose a JPEG, PNG or WebP picture.
photo-error-damaged = The photo is damaged or cut off. Take it again.
photo-error-moving = Moving pictures are not taken. Choose a still one.
photo-error-consent = Make sure of the consent, then tick its box.
photo-error-site = Choose the body site, or write it.
photo-error-gone = The note does not have this photo. Open the note again.
photo-error-wrong = What the hub gave is not the photo that the note names. It was not kept. Tell the manager.
photo-error-file = The file could not be read. Choose it again.
photo-error-many = A note holds 20 photos. This one cannot be added.
photo-error-not-yet = The hub does not have this photo yet. Try again after the device that took it has synced.
