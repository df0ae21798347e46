# Words beside what hospitals sent. The keys are source.ja.ftl's.
source-allergy-food = food
source-allergy-medication = medication
source-allergy-environment = environment
source-allergy-biologic = biologic
source-allergy-severe = severe
source-allergy-moderate = moderate
source-allergy-mild = mild
