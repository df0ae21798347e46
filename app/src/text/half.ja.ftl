# 書きかけ：一覧、ほかの人の訂正が先に入ったとき、ほかの画面で書かれたもの. English stands beside it in half.en.ftl.
half-list-title = 書きかけ
half-list-hint = 署名も取り消しもしていないものです。開いて、仕上げるか消してください。残っている間、その記録はこの端末から離れません。
half-list-unread = 書きかけの一覧を読めません。{ $why }
half-list-correction = 訂正: { $field }
half-list-closing = 訪問しなかった・取り消しの理由
half-overtaken = 書き始めたあとに、この欄が変わりました
half-overtaken-hint = 今の値を見るまで署名できません。あなたの書きかけは残っています。
half-overtaken-text = 今の文を見るまで署名できません。「見ました」を押すと、今の文にあなたの書いたところを合わせます。どちらの言葉も残ります。
half-overtaken-none = 今は何も書かれていません
half-overtaken-seen = 見ました
half-aside = この端末の別の画面で書きかけたものです。要らなければ消してください。
half-read-again = もう一度読む
