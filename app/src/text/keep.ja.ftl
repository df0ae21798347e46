# 読めないもの、書きかけ、取り除いた写真. English stands beside it in keep.en.ftl.
keep-name-unread = （氏名を読めません）
keep-names-unread = 利用者の氏名を読めません。{ $why }
keep-boards-unread = 申し送りの未読を読めません。{ $why }
keep-role-unread = あなたの職種を読めないため、管理者の操作は表示していません。{ $why }
keep-sync-unread = 読めません
keep-as-of-unread = いつの時点の情報か読めません
keep-phrases-unread = 自分の定型文を読めません。読めるようになるまで追加も削除もできません。{ $why }
keep-previous-unread = 前回の値を読めません。{ $why }
keep-previous-unread-short = 前回を読めません
keep-bounds-unread = 指示書の報告基準を読めません。一般の基準で示しています。{ $why }
keep-notes-unread = 記録を読めません。{ $why }
keep-visits-unread = 今日の訪問予定を読めません。{ $why }
keep-since-unread = 前回の訪問以降のことを読めません。{ $why }
keep-waiting-unread = 未送信の記録を読めません。{ $why }
keep-photos-left-unread = 未送信の写真の枚数を読めません
keep-taker-unread = 撮影した人を読めません
keep-day-unread = （日付を読めません）
