"""How complete a record is: what may be claimed, given who was asked and who answered, and the sentences for it."""
