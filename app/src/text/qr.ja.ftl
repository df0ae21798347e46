# 登録コードのQR. English stands beside it in qr.en.ftl.
qr-pick = QRの写真を選ぶ
qr-reading = QRを読み取っています…
qr-read = QRから登録コードを読み取りました。
qr-error-large = 写真が大きすぎます（{ $mb } MB・1辺{ $side }画素まで）。小さいサイズで撮り直すか、画面を撮影（スクリーンショット）してください。
qr-error-kind = この形式の写真（HEICなど）は読めません。JPEG・PNG・WebPの写真か、スクリーンショットを選んでください。
qr-error-damaged = 写真が壊れているか、途中で切れています。もう一度選ぶか、撮り直してください。
qr-error-none = 写真からQRを読み取れませんでした。QR全体が入るように、正面から、ぶれないように撮り直してください。
qr-error-several = 写真に違う登録コードが2つ以上あります。1つだけが写るように撮り直してください。
qr-error-other = これはつつじの登録コードのQRではありません。管理者から受け取ったQRを選んでください。
