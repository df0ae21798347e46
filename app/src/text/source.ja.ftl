# 病院から届いたものに添える言葉
source-allergy-food = 食品
source-allergy-medication = 医薬品
source-allergy-environment = 環境
source-allergy-biologic = 生物製剤
source-allergy-severe = 重度
source-allergy-moderate = 中等度
source-allergy-mild = 軽度
