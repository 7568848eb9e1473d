# $KEY is the attack's name: no two of them make the same sources. $HOSTILE is in the environment of
# whatever they start.
export HOSTILE
printf '# %s\n' "$KEY" >>code.sh

# The attack was held back.
held() {
    exit 9
}

# A Python program from stdin, which ends with 0 if it gets through.
python() {
    cat >/tmp/attack.py
    python3 -I /tmp/attack.py
}

# A program from stdin that runs in the place of the judged code, when that is asked to do $1.
when_asked_to() {
    cat >attack
    printf 'case $1 in (%s) . ./attack;; esac\n' "$1" >>code.sh
}
